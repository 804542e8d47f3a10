import test from 'ava';
import { annotation } from '../../src/core/index.ts';
import { startTestLocal, type TestLocal } from '../support/local.ts';
import { until } from '../support/until.ts';

/** What went wrong elsewhere (docs/quality.md). */

let rouse: TestLocal;
test.before(async () => {
  rouse = await startTestLocal();
});
test.after.always(() => rouse.close());

test('an app that was at zero before it was onboarded is woken by its first request (Osiris 72)', async (t) => {
  const app = await rouse.run('never-ran', { replicas: 0 });
  t.is(await app.replicas(), 0);
  t.is((await app.get()).status, 200);
  t.is(await app.replicas(), 1);
});

test('an app whose name has 63 characters is onboarded, woken and handed back', async (t) => {
  const name = `long-${'x'.repeat(58)}`;
  t.is(name.length, 63);
  const app = await rouse.run(name, { replicas: 0 });
  t.is((await app.get()).status, 200);
  await rouse.api.patch(`/apis/apps/v1/namespaces/default/deployments/${name}`, { metadata: { annotations: { [annotation.enabled]: null } } });
  await until('it is handed back', async () => {
    const { body } = await rouse.api('GET', `/api/v1/namespaces/default/services/${name}`);
    return (body.spec as { selector?: object }).selector !== undefined && body.metadata?.annotations?.[annotation.selector] === undefined;
  });
  t.pass();
});
