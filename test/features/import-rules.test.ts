import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const root = join(import.meta.dirname, '..', '..');
const configName = '.dependency-cruiser.cjs';

interface Rule {
  readonly name: string;
  readonly comment: string;
}
const { forbidden } = createRequire(import.meta.url)(join(root, configName)) as { readonly forbidden: readonly Rule[] };

/** For each rule a file that breaks it, and what it imports. */
const breakers: Readonly<Record<string, readonly [file: string, imported: string]>> = {
  'imports-of-core': ['src/core/a.ts', '../kube/index.ts'],
  'imports-of-decider': ['src/decider/a.ts', '../kube/index.ts'],
  'imports-of-link': ['src/link/a.ts', '../gateway/index.ts'],
  'imports-of-kube': ['src/kube/a.ts', '../scaler/index.ts'],
  'imports-of-certificates': ['src/certificates/a.ts', '../kube/index.ts'],
  'imports-of-api': ['src/api/a.ts', '../scaler/index.ts'],
  'imports-of-metrics': ['src/metrics/a.ts', '../decider/index.ts'],
  'imports-of-routing': ['src/routing/a.ts', '../scaler/index.ts'],
  'imports-of-scaler': ['src/scaler/a.ts', '../routing/index.ts'],
  'imports-of-webhooks': ['src/webhooks/a.ts', '../scaler/index.ts'],
  'imports-of-gateway': ['src/gateway/a.ts', '../kube/index.ts'],
  'imports-of-local': ['src/local/a.ts', '../scaler/index.ts'],
  'one-door-for-kubernetes-client-node': ['src/scaler/b.ts', '@kubernetes/client-node'],
  'one-door-for-express': ['src/scaler/c.ts', 'express'],
  'one-door-for-opentelemetry': ['src/gateway/c.ts', '@opentelemetry/api'],
  'one-door-for-mathjs': ['src/decider/decide.ts', 'mathjs'],
  'through-the-index': ['src/scaler/d.ts', '../core/units.ts'],
  'tests-through-the-index': ['test/features/a.test.ts', '../../src/core/units.ts'],
  'pure-without-node': ['src/core/b.ts', 'node:fs'],
  'packages-of-core': ['src/core/c.ts', 'ws'],
  'no-cycles': ['src/core/cycle.ts', './wheel.ts'],
};

test('every import rule fires on a file that breaks it, and says what to do instead', async (t) => {
  t.deepEqual(forbidden.map(({ name }) => name).sort(), Object.keys(breakers).sort(), 'each rule has a file that breaks it');
  for (const { name, comment } of forbidden) t.regex(comment, /\w{3,} .*\w{3,}/, `${name} explains itself`);

  const project = await mkdtemp(join(tmpdir(), 'rouse-rules-'));
  t.teardown(() => rm(project, { recursive: true, force: true }));
  await cp(join(root, configName), join(project, configName));
  await cp(join(root, 'tsconfig.json'), join(project, 'tsconfig.json'));
  await cp(join(root, 'package.json'), join(project, 'package.json'));
  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(join(project, file)), { recursive: true });
    await writeFile(join(project, file), text);
  };
  for (const name of ['@kubernetes/client-node', '@opentelemetry/api', 'express', 'mathjs', 'ws']) {
    await write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    await write(`node_modules/${name}/index.js`, '');
  }
  for (const folder of ['core', 'kube', 'decider', 'gateway', 'scaler', 'routing']) await write(`src/${folder}/index.ts`, 'export const a = 1;\n');
  await write('src/core/units.ts', 'export const a = 1;\n');
  await write('src/core/wheel.ts', "import { b } from './cycle.ts';\nexport const a = b;\n");
  for (const [file, imported] of Object.values(breakers)) await write(file, `import * as it from '${imported}';\nexport const b = it;\n`);

  const depcruise = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs');
  const output = await promisify(execFile)(process.execPath, [depcruise, 'src', 'test', '--config', configName, '--output-type', 'json'], {
    cwd: project,
    maxBuffer: 1 << 26,
  }).catch((failure: unknown) => failure as { stdout: string });
  const { summary } = JSON.parse(output.stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } };
  const fired = new Set(summary.violations.map(({ from, rule }) => `${rule.name} ${from}`));
  for (const [name, [file]] of Object.entries(breakers)) t.true(fired.has(`${name} ${file}`), `${name} fires on ${file}`);
});
