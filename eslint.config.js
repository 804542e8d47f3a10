// Lint rules: typescript-eslint's strictest type-aware set, and the project's own bans (style.md, "Guards").
import tseslint from 'typescript-eslint';

const banned = (names) => names.map(([name, message]) => ({ name, message }));

/** Time, randomness, output and process state come in through ports, so that tests and simulations can own them. */
const ambient = {
  'no-restricted-globals': [
    'error',
    ...banned([
      ['setTimeout', 'Take a Clock (core/clock).'],
      ['setInterval', 'Take a Clock (core/clock).'],
      ['setImmediate', 'Take a Clock (core/clock), or await what you wait for.'],
      ['performance', 'Take a Clock (core/clock).'],
      ['process', 'Only src/cli (and the kubelet) know the process: take what you need as a parameter.'],
      ['console', 'Take a Logger (core/logger).'],
    ]),
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: 'Take a Clock (core/clock).' },
    { object: 'Math', property: 'random', message: 'Take a Random (core/random).' },
  ],
  'no-restricted-imports': [
    'error',
    {
      paths: [
        { name: 'node:timers', message: 'Take a Clock (core/clock).' },
        { name: 'node:timers/promises', message: 'Take a Clock (core/clock).' },
      ],
    },
  ],
};

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '.cache/', '**/*.js', '**/*.cjs'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: 'error',
      'no-param-reassign': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/**/*.test.ts', 'src/local/kubelet/guard/main.ts', 'src/core/clock.ts', 'src/core/random.ts', 'src/cli/**'],
    rules: ambient,
  },
  {
    // The guard is a process of its own, without clients: it has no composition root to be given a clock by.
    files: ['src/local/kubelet/**/*.ts'],
    ignores: ['src/**/*.test.ts', 'src/local/kubelet/guard/main.ts'],
    rules: { 'no-restricted-globals': ambient['no-restricted-globals'].filter((entry) => typeof entry === 'string' || entry.name !== 'process') },
  },
  {
    // What a gateway loads: see src/gateway/node-http.ts.
    files: ['src/{core,link,gateway,metrics}/**/*.ts', 'src/cli/**/*.ts'],
    ignores: ['src/**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { paths: [{ name: 'node:http', allowTypeImports: true, message: 'An import of it loads undici (14 MB): take gateway/node-http.ts.' }] },
      ],
    },
  },
  { files: ['**/*.test.ts', 'test/**/*.ts'], rules: { '@typescript-eslint/no-non-null-assertion': 'off' } },
);
