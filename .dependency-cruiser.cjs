// Who may import whom: the table of docs/architecture.md as rules. One rule a row, each saying what to do instead;
// test/features/import-rules.test.ts shows that every rule fires.

const folders = {
  core: [],
  decider: ['core'],
  link: ['core'],
  kube: ['core'],
  certificates: ['core'],
  api: ['core'],
  metrics: ['core'],
  routing: ['core', 'kube'],
  scaler: ['core', 'kube', 'decider'],
  webhooks: ['core', 'kube', 'decider'],
  gateway: ['core', 'link'],
  local: ['core', 'kube', 'certificates'],
};
const everyFolder = [...Object.keys(folders), 'cli'];

/** Packages with one door: [package, path that may import it, what to do instead]. */
const doors = [
  ['@kubernetes/client-node', '^src/kube/', 'use the KubeClient and the snapshots of src/kube'],
  ['express', '^src/(webhooks|api)/', 'serve plain node:http, or put the route into src/webhooks or src/api'],
  ['@opentelemetry', '^src/cli/tracing/', 'tell the Tracer of src/gateway, which src/cli/tracing makes into spans'],
  ['mathjs', '^src/decider/formula', 'ask decider/formula.ts, which loads mathjs only when a formula is used'],
];

const tests = '\\.test\\.ts$';

const rowRules = Object.entries(folders).map(([folder, allowed]) => ({
  name: `imports-of-${folder}`,
  comment: `src/${folder} may import ${allowed.length === 0 ? 'no other folder' : allowed.join(', ')}. Declare the small port it needs in src/${folder} and let src/cli pass the implementation.`,
  severity: 'error',
  from: { path: `^src/${folder}/`, pathNot: tests },
  to: { path: `^src/(${everyFolder.filter((other) => other !== folder && !allowed.includes(other)).join('|')})/` },
}));

const doorRules = doors.map(([name, door, instead]) => ({
  name: `one-door-for-${name.replace(/^@/, '').replace(/\W/g, '-')}`,
  comment: `Only ${door} imports ${name}: ${instead}.`,
  severity: 'error',
  from: { path: '^src/', pathNot: [door, tests] },
  to: { path: `^node_modules/${name}(/|$)` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...rowRules,
    ...doorRules,
    {
      name: 'through-the-index',
      comment: "Across folders import only the other folder's index.ts: what is not exported there is its own affair.",
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/([^/]+)/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', '^src/core/spec/index\\.ts$'] },
    },
    {
      name: 'tests-through-the-index',
      comment: 'Feature tests and benches see the product from outside: import the index.ts of a folder (or src/cli).',
      severity: 'error',
      from: { path: '^test/' },
      to: { path: '^src/', pathNot: ['^src/[^/]+/index\\.ts$', '^src/core/spec/index\\.ts$', '^src/gateway/http2/engine/index\\.ts$', '^src/cli/'] },
    },
    {
      name: 'pure-without-node',
      comment: 'core, decider and metrics/window are pure: no node: module. Take what you need as a parameter.',
      severity: 'error',
      from: { path: '^src/(core|decider|metrics/window)/', pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'packages-of-core',
      comment: 'core imports yaml and the time-zone library (luxon) only: it is loaded by every process.',
      severity: 'error',
      from: { path: '^src/core/', pathNot: tests },
      to: { path: '^node_modules/', pathNot: '^node_modules/(@types/)?(yaml|luxon)(/|$)' },
    },
    {
      name: 'no-cycles',
      comment: 'A cycle means that two files are one idea, or that a port is missing.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.cache)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.cjs', '.mjs'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'types', 'default'],
    },
  },
};
