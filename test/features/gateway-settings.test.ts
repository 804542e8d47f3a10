import { request } from 'node:http';
import test from 'ava';
import { freePort } from '../support/free-port.ts';
import { startSeparateProcesses } from '../support/separate-processes.ts';
import { until } from '../support/until.ts';

/** What the operator sets for gateways in `rouse-config`, from the ConfigMap to requests: a controller and a gateway that are processes of their own. */

const path = '/api/v1/namespaces/rouse-system/configmaps';

test('trusted-proxies and access-log reach a gateway that runs, and go again; a bad value changes nothing', async (t) => {
  const rouse = await startSeparateProcesses();
  t.teardown(() => rouse.close());
  const controller = await rouse.startController();
  await rouse.leads(controller);
  const port = await freePort();
  const gateway = await rouse.startGateway(0, undefined, ['--shared-port', String(port)]);
  /** Whom a request comes from by the access log, where it has a line. */
  const client = async (name: string): Promise<string | undefined> => {
    await new Promise<void>((resolve, reject) => {
      const headers = { host: `${name}.example`, 'x-forwarded-for': '6.6.6.6, 9.9.9.9' };
      request({ host: rouse.gatewayAddress(0), port, headers, agent: false }, (answer) => answer.resume().on('end', resolve))
        .on('error', reject)
        .end();
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const line = gateway.lines.find((each) => each.startsWith('{') && each.includes(`"${name}.example"`));
    return line === undefined ? undefined : (JSON.parse(line) as { readonly client_address: string }).client_address;
  };
  let probe = 0;
  const says = async (what: string, expected: string | undefined): Promise<void> => {
    const said = async (): Promise<boolean> => (await client(`probe-${(probe += 1)}`)) === expected;
    t.true(await until(what, said, 20_000, () => gateway.errors()));
  };
  await says('nothing is set', undefined);
  const set = (data: Readonly<Record<string, string | null>>): Promise<unknown> => rouse.api.patch(`${path}/rouse-config`, { data });
  await rouse.api('POST', path, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'rouse-config', namespace: 'rouse-system' },
    data: { 'access-log': 'json' },
  });
  await says('the log is on', '127.0.0.1');
  await set({ 'trusted-proxies': '127.0.0.0/8, fd00::/8' });
  await says('the peer is trusted', '9.9.9.9');
  await set({ 'trusted-proxies': '127.0.0.0', 'access-log': 'off' });
  const valid = async (): Promise<boolean> => {
    const [, metrics = ''] = await controller.line(/^ready: .*metrics=(\S+)/);
    return /^rouse_config_valid 1$/m.test(await (await fetch(metrics)).text());
  };
  await until('the controller has read it', async () => !(await valid()));
  await says('the last good configuration stays', '9.9.9.9');
  await set({ 'trusted-proxies': null, 'access-log': 'json' });
  await says('it is not any more', '127.0.0.1');
  await set({ 'access-log': null });
  await says('the log is off', undefined);
});
