import test from 'ava';
import { silentLogger, systemClock, systemRandom } from '../../core/index.ts';
import { startEmbeddedApi } from '../embedded/start.ts';
import { startControllers } from '../embedded/controllers/start.ts';
import { startEmbeddedKubelet } from './embedded-kubelet.ts';
import { accepting, createPod, isReady, node, portOf, server, stateOf, until, untilNoProcess } from './testing.ts';

test('a kubelet that comes back runs its pods again, as restarts, and closing it leaves no process', async (t) => {
  const shared = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const embedded = await startEmbeddedApi({ ...shared, httpsPort: 0, logSource: { open: () => ({ kind: 'missing', message: '' }) } });
  const controllers = startControllers(embedded.api, systemClock, systemRandom, silentLogger);
  const options = { ...shared, api: embedded.api, baseEnvironment: { PATH: process.env['PATH'] ?? '' }, cwd: '/' };
  const mark = `restart-${process.pid}`;
  const first = await startEmbeddedKubelet(options);
  const created = await createPod(embedded.api, [node(`${server()}//${mark}`, { ports: [{ containerPort: 80 }] })]);
  const before = await until(embedded.api, created, isReady);
  await accepting(portOf(before, '80'));
  await first.close(500);
  await untilNoProcess(mark);
  const second = await startEmbeddedKubelet(options);
  const pod = await until(embedded.api, created, (one) => stateOf(one)?.restartCount === 1 && isReady(one));
  await accepting(portOf(pod, '80'));
  t.is(pod.metadata.uid, before.metadata.uid);
  await second.close(500);
  await untilNoProcess(mark);
  controllers.close();
  await embedded.close();
});
