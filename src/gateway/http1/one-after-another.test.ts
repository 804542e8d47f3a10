import { connect } from 'node:net';
import { once } from 'node:events';
import test from 'ava';
import fc from 'fast-check';
import { podAt, startOrigin, startRig, until, web } from '../../../test/support/gateway-rig.ts';

/** What is asked, and how the answer begins. The last ones end their connection. */
const asked = {
  plain: { request: (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, status: 200, goesOn: true },
  head: { request: (path: string) => `HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, status: 200, goesOn: true },
  upload: { request: (path: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`, status: 200, goesOn: true },
  awaited: {
    request: (path: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
    status: 100,
    goesOn: true,
  },
  ignored: { request: (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\nUser-Agent: kube-probe/1\r\n\r\n`, status: 200, goesOn: true },
  broken: { request: () => 'POST /broken HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello', status: 502, goesOn: true },
  old: { request: (path: string) => `GET ${path} HTTP/1.0\r\n\r\n`, status: 200, goesOn: false },
} as const;
type Kind = keyof typeof asked;

test('whatever became of the requests before, each gets its own answer and is counted as what it was', async (t) => {
  const origin = await startOrigin((request, response) => {
    if (request.url === '/broken') request.socket.destroy();
    else request.resume().on('end', () => response.setHeader('X-Path', request.url ?? '').end(request.url));
  });
  const rig = await startRig({ pods: [podAt(origin.port)], ignoreRequests: [{ userAgent: 'kube-probe/' }] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const counters = rig.gateway.counters.workloads.get(web)!;
  let [count, ignored] = [0, 0];
  const kinds = fc.constantFrom(...(Object.keys(asked) as Kind[]));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(kinds, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }), async (connections) => {
      await Promise.all(
        connections.map(async (row) => {
          const end = row.findIndex((kind) => !asked[kind].goesOn);
          const sent = end < 0 ? row : row.slice(0, end + 1);
          const socket = connect(rig.port, '127.0.0.1');
          const closed = once(socket, 'close');
          let read = '';
          socket.setEncoding('latin1').on('data', (text: string) => (read += text));
          for (const kind of sent) {
            const path = `/${(count += 1)}`;
            if (kind === 'ignored') ignored += 1;
            read = '';
            socket.write(asked[kind].request(path));
            await until(
              `${kind} is answered`,
              () => / (?!100)\d{3} [^]*\r\n\r\n/.test(read) && (asked[kind].status >= 500 || read.includes(`X-Path: ${path}\r\n`)),
            );
            t.is(Number(/^HTTP\/1\.1 (\d+)/.exec(read)?.[1]), asked[kind].status, read);
          }
          socket.destroy();
          await closed;
        }),
      );
      await until('nothing is under way', () => counters.inFlight === 0);
    }),
    { numRuns: 20 },
  );
  t.is(counters.ignored, ignored);
  t.is(
    [...counters.requests.values()].reduce((sum, each) => sum + each, 0),
    count - ignored,
  );
});

test('a request that waits for a pod is in the figures of those that did, whatever was served before it', async (t) => {
  const origin = await startOrigin((_request, response) => response.end('here'));
  const pods = [podAt(origin.port)];
  const rig = await startRig({ pods });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const counters = rig.gateway.counters.workloads.get(web)!;
  t.is(await (await fetch(rig.url)).text(), 'here');
  await rig.route({ pods: [] });
  const held = fetch(rig.url);
  await until('it waits', () => counters.held === 1);
  await rig.route({ pods });
  t.is(await (await held).text(), 'here');
  t.is(counters.holdSeconds.count, 1);
});
