/** Last, since it is about what all others did. */
const last = (file) => file.endsWith('rights.test.ts');
const isWhole = !process.argv.some((argument) => argument.endsWith('.test.ts'));

// On the real control plane. One file at a time: they share one cluster, and one installation of Rouse in it.
export default {
  extensions: ['ts'],
  files: ['test/cluster/*.test.ts'],
  timeout: '300s',
  concurrency: 1,
  workerThreads: false,
  environmentVariables: { ROUSE_TEST_WHOLE_SUITE: isWhole ? 'yes' : 'no' },
  sortTestFiles: (one, other) => Number(last(one)) - Number(last(other)) || (one < other ? -1 : 1),
};
