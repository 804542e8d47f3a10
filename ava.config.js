/** Feature tests mostly wait for windows to pass, so they begin first, those that wait longest before all; unit tests fill the time. */
const rank = (file) => (/\/(wake|uninstall|restore)\.test\.ts$/.test(file) ? 0 : file.includes('/features/') ? 1 : 2);

export default {
  extensions: ['ts'],
  files: ['src/**/*.test.ts', 'test/features/**/*.test.ts'],
  require: ['./test/support/property-seed.ts'],
  timeout: '120s',
  concurrency: 4,
  sortTestFiles: (one, other) => rank(one) - rank(other) || (one < other ? -1 : 1),
};
