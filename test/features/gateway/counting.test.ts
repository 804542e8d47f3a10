import test from 'ava';
import { until, web } from '../../support/gateway-rig.ts';
import { readAnswer, readAnswers, readHead } from '../../support/raw-message.ts';
import { eachRequest, okWith, startScene, type Script } from '../../support/scripted-origin.ts';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

const serves = eachRequest(async (wire, { target }) => {
  if (target === '/reset') wire.reset();
  else if (target === '/nonsense') await wire.send('nonsense\r\n\r\n');
  else if (target === '/404') await wire.send('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
  else if (target === '/204') await wire.send('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n');
  else if (target === '/half') {
    await wire.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    wire.finish();
  } else if (target !== '/never') await wire.send(okWith(target));
});

test('every request is counted exactly once, whatever becomes of it', async (t) => {
  const { rig, dial } = await startScene(t, serves);
  const counts = (): ReadonlyMap<number, number> => rig.gateway.counters.workloads.get(web)?.requests ?? new Map<number, number>();
  const sent: Record<number, number> = {};
  const expect = (status: number, count = 1): void => {
    sent[status] = (sent[status] ?? 0) + count;
  };
  const one = async (request: string, status: number): Promise<void> => {
    expect(status);
    const client = await dial();
    await client.send(request);
    await readAnswer(client).catch(() => undefined);
  };

  const pipelined = await dial();
  await pipelined.send(Array.from({ length: 50 }, (_, index) => get(`/${index}`)).join(''));
  await readAnswers(
    pipelined,
    Array.from({ length: 50 }, () => 'GET'),
  );
  expect(200, 50);

  await Promise.all([
    ...Array.from({ length: 20 }, (_, index) => one(get(`/${index}`), 200)),
    ...Array.from({ length: 10 }, () => one('POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello', 200)),
    ...Array.from({ length: 10 }, () => one('POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 200)),
    ...Array.from({ length: 5 }, () => one('GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n', 200)),
    ...Array.from({ length: 5 }, () => one(get('/404'), 404)),
    ...Array.from({ length: 5 }, () => one('POST /reset HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello', 502)),
    ...Array.from({ length: 5 }, () => one(get('/nonsense'), 502)),
    ...Array.from({ length: 5 }, () => one(get('/half'), 200)),
  ]);

  const hinted = await dial();
  await hinted.send(get('/204'));
  t.is((await readAnswer(hinted)).status, 103);
  t.is((await readAnswer(hinted)).status, 204);
  expect(204);

  for (const leaves of ['finish', 'reset'] as const) {
    const client = await dial();
    await client.send(get('/never'));
    await until('in flight', () => rig.gateway.counters.workloads.get(web)?.inFlight === 1);
    client[leaves]();
    await until('over', () => rig.gateway.counters.workloads.get(web)?.inFlight === 0);
    expect(499);
  }

  await until('all is over', () => rig.gateway.counters.workloads.get(web)?.inFlight === 0);
  t.deepEqual(Object.fromEntries(counts()), sent);
  t.is(
    [...counts().values()].reduce((sum, count) => sum + count, 0),
    Object.values(sent).reduce((sum, count) => sum + count, 0),
  );
  t.deepEqual([...rig.gateway.counters.unrouted], []);
});

test('a request that is sent again over another connection is counted once', async (t) => {
  let kept = 0;
  const script: Script = async (wire, _requests, index) => {
    await readHead(wire);
    await wire.send(okWith(`answer ${index}`));
    kept += 1;
    // The next one over this connection is not answered.
    await readHead(wire);
    wire.reset();
  };
  const { rig, dial } = await startScene(t, script);
  const client = await dial();
  for (let count = 0; count < 10; count += 1) {
    await client.send(get(`/${count}`));
    t.is((await readAnswer(client)).status, 200);
  }
  t.is(kept, 10);
  t.deepEqual([...(rig.gateway.counters.workloads.get(web)?.requests ?? [])], [[200, 10]]);
});
