import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { stringify } from 'yaml';
import { deployment } from '../support/app.ts';
import { startRouse } from '../support/rouse-process.ts';

/** Notes every module that the process resolves, in the file that `ROUSE_TEST_MODULES` names. */
const hook = `
  import { registerHooks } from 'node:module';
  import { appendFileSync } from 'node:fs';
  registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context);
      appendFileSync(process.env.ROUSE_TEST_MODULES, found.url + '\\n');
      return found;
    },
  });
`;

/** Runs `rouse local` with one workload until it says that it went to two pods; gives the packages that were loaded until then. */
const packagesOf = async (t: ExecutionContext, annotations: Readonly<Record<string, string>>): Promise<ReadonlySet<string>> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-lazy-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const [manifest, modules] = [join(directory, 'app.yaml'), join(directory, 'modules')];
  await writeFile(manifest, stringify(deployment('app', { annotations: { 'rouse.dev/enabled': 'true', ...annotations } })));
  const rouse = startRouse(['local', '-f', manifest, '--api-port', '0', '--gateway-port', '0', '--metrics-port', '0'], {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}`,
    ROUSE_TEST_MODULES: modules,
  });
  t.teardown(() => rouse.stop());
  await rouse.line(/app 0 → 2/);
  await rouse.stop();
  const urls = (await readFile(modules, 'utf8')).split('\n');
  return new Set(urls.map((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? ''));
};

test('a process that sees no formula never loads mathjs; one that does loads it then', async (t) => {
  const [without, having] = await Promise.all([packagesOf(t, { 'rouse.dev/min-scale': '2' }), packagesOf(t, { 'rouse.dev/formula': 'ready * 0 + 2' })]);
  t.true(without.has('luxon'), 'what is loaded is seen');
  t.false(without.has('mathjs'));
  t.true(having.has('mathjs'));
});
