import test from 'ava';
import type { RouseProcess } from '../support/rouse-process.ts';
import { startSeparateProcesses } from '../support/separate-processes.ts';
import { until } from '../support/until.ts';

const onLinux = process.platform === 'linux' ? test : test.skip; // Two gateways need an address each.

const readiness = async (gateway: RouseProcess): Promise<string> => {
  const [, metrics = ''] = await gateway.line(/^ready: .*metrics=(\S+)/);
  const answer = await fetch(metrics.replace('/metrics', '/readyz'));
  return `${answer.status} ${(await answer.text()).trim()}`;
};

onLinux('a gateway is ready once it has routes, and stays so when every controller is gone: it serves on by the last ones', async (t) => {
  const rouse = await startSeparateProcesses();
  t.teardown(() => rouse.close());
  const controller = await rouse.startController();
  const gateway = await rouse.startGateway(0);
  await until(
    'it has routes',
    async () => (await readiness(gateway)) === '200 ok',
    30_000,
    () => gateway.errors(),
  );
  await controller.stop('SIGKILL');
  await until('it has noticed', () => gateway.errors().includes('the link to a controller ended'));
  t.is(await readiness(gateway), '200 ok');
  const late = await rouse.startGateway(1);
  t.is(await readiness(late), '503 no link to a controller yet');
});
