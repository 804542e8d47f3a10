import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import test from 'ava';
import { createAuthority } from '../../certificates/index.ts';
import { systemClock } from '../../core/index.ts';
import { until } from '../../../test/support/until.ts';
import { secureServer } from './controller-server.ts';

const most = 16;

test('strangers’ connections have an end: one more than there may be is closed at once, and there is room again when one goes', async (t) => {
  const authority = await createAuthority({ commonName: 'test', clock: systemClock, validDays: 1 });
  const serving = await authority.issue({ commonName: 'controller', dnsNames: ['localhost'], validDays: 1 });
  const server = secureServer({ serving, onChange: () => () => undefined }, (_request, response) => response.end('served'), most).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const strangers: Socket[] = [];
  t.teardown(() => {
    for (const stranger of strangers) stranger.destroy();
    server.closeAllConnections();
    server.close();
  });
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    strangers.push(socket);
    return socket;
  };
  const connections = (): Promise<number> =>
    new Promise((resolve, reject) => {
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  await Promise.all(Array.from({ length: most }, open));
  await until('all are accepted', async () => (await connections()) === most);
  const beyond = await open();
  beyond.resume();
  await once(beyond, 'close');
  t.is(await connections(), most);
  strangers[0]?.destroy();
  await until('one has gone', async () => (await connections()) === most - 1);
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const [answer, kept] = await new Promise<readonly [string, string]>((resolve, reject) => {
    request({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.certificatePem, agent }, (response) => {
      response.setEncoding('utf8').on('data', (text: string) => resolve([text, String(response.headers['keep-alive'])]));
    })
      .on('error', reject)
      .end();
  });
  t.is(answer, 'served');
  t.is(kept, 'timeout=100', 'it is the client who ends a connection that is not used: Go does after 90 s');
});
