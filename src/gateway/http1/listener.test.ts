import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { until } from '../../../test/support/until.ts';
import { systemClock } from '../../core/index.ts';
import { Http2OnDemand } from '../http2/on-demand.ts';
import { ownSockets } from '../open-listener.ts';
import { HttpListener } from './listener.ts';
import { createUpstreams } from './upstreams.ts';

test('a port is closed when the last connection has ended, whoever asks for it and however often; it takes nothing new meanwhile', async (t) => {
  let open = 0;
  const listener = new HttpListener(
    { edge: false, http2Only: false, find: () => undefined, unrouted: () => undefined },
    {
      clock: systemClock,
      upstreams: createUpstreams(systemClock),
      http2: new Http2OnDemand(systemClock),
      accessLog: undefined,
      headClock: undefined,
      connections: (change) => (open += change),
      sockets: ownSockets((error) => t.fail(error.message)),
    },
  );
  await listener.open('127.0.0.1', 0);
  const { port } = listener;
  const client = connect(port, '127.0.0.1');
  t.teardown(() => client.destroy());
  await until('it is taken', () => open === 1);
  const closed: string[] = [];
  const asked = ['first', 'second'].map((who) => listener.close().then(() => closed.push(who)));
  const late = connect(port, '127.0.0.1');
  const [refusal] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  t.is(refusal.code, 'ECONNREFUSED');
  t.deepEqual([closed, open], [[], 1]);
  client.destroy();
  await Promise.all(asked);
  t.deepEqual([closed, open], [['first', 'second'], 0]);
});
