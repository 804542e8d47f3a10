import test from 'ava';
import { uninstall, type UninstallOptions } from '../../src/cli/hand-back/uninstall.ts';
import { annotation, seconds, silentLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import { loadKubeConfig } from '../../src/kube/index.ts';
import { deployment, service } from '../support/app.ts';
import { holdWebhooks, patientAdmission } from '../support/held-webhooks.ts';
import { startTestLocal, type TestLocal } from '../support/local.ts';
import { until } from '../support/until.ts';

let rouse: TestLocal;
test.before(async () => {
  rouse = await startTestLocal();
  await holdWebhooks(rouse, patientAdmission);
});
test.after.always(() => rouse.close());

/** As `rouse uninstall` with these flags; what it prints, and its exit code. */
const run = async (flags: Partial<Pick<UninstallOptions, 'dryRun' | 'handBackOnly' | 'cancel' | 'timeout'>>): Promise<readonly [number, readonly string[]]> => {
  const lines: string[] = [];
  const connection = await loadKubeConfig({ kind: 'text', text: rouse.local.cluster.api.kubeconfig() });
  const around = {
    connection,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    print: (line: string) => void lines.push(line),
    doing: () => undefined,
  };
  const code = await uninstall({ ...around, dryRun: false, handBackOnly: false, cancel: false, timeout: seconds(30), ...flags }, new AbortController().signal);
  return [code, lines];
};

test('everything is handed back and nothing onboarded until that is cancelled; then all of it is onboarded again', async (t) => {
  t.deepEqual(await run({ cancel: true }), [0, ['no uninstall is under way']]);
  const app = await rouse.run('stays', { replicas: 1 });
  const selector = async (name: string): Promise<unknown> =>
    ((await rouse.api('GET', `/api/v1/namespaces/default/services/${name}`)).body['spec'] as { readonly selector?: unknown }).selector;
  const [code, lines] = await run({ handBackOnly: true });
  t.is(code, 0, lines.join('\n'));
  t.is(lines.at(-1), 'everything is handed back; Rouse stays installed and onboards nothing (rouse uninstall --cancel ends that)');
  t.deepEqual(await selector('stays'), { app: 'stays' });
  t.is(await app.replicas(), 1);

  const later = await rouse.create('/apis/apps/v1/namespaces/default/deployments', deployment('later', { replicas: 1 }));
  await rouse.create('/api/v1/namespaces/default/services', service('later'));
  t.true(
    later.warnings.some((warning) => warning.includes('not onboarded: Rouse hands everything back')),
    later.warnings.join(),
  );
  t.false(annotation.state in (later.body.metadata?.annotations ?? {}));
  const again = await run({ handBackOnly: true });
  t.is(again[0], 0);
  t.deepEqual(await selector('later'), { app: 'later' });

  t.deepEqual(await run({ cancel: true }), [0, ['cancelled: workloads with rouse.dev/enabled: "true" are onboarded again']]);
  for (const name of ['stays', 'later']) await until(`${name} is taken over`, async () => (await selector(name)) === undefined);
  const port = await rouse.gatewayPort('stays');
  t.is((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
});
