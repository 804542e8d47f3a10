import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { WebSocketServer } from 'ws';
import { startBrowser } from '../support/browser.ts';
import { podAt, startOrigin, startRig, until, web, type Origin } from '../support/gateway-rig.ts';

/** A browser on the shared port, where the host name says which workload is meant. The page works by what browsers have, and keeps its results in `results`. */

const page = `<!doctype html><meta charset="utf-8"><title>app</title><link rel="icon" href="data:,"><script>
const results = {};
const sha256 = async (data) => [...new Uint8Array(await crypto.subtle.digest('SHA-256', data))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const bytes = (length) => Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 255);
const heard = (text) => fetch('/heard', { method: 'POST', body: text });

const tasks = {
  events: () => new Promise((resolve) => {
    const all = [];
    const events = new EventSource('/events');
    // The source ends after three; the browser comes again by itself, and says which was its last.
    events.onmessage = ({ data, lastEventId }) => {
      all.push(lastEventId + ' ' + data);
      void heard('event ' + lastEventId);
      if (all.length === 5) { events.close(); resolve(all); }
    };
  }),
  socket: () => new Promise((resolve, reject) => {
    const socket = new WebSocket('ws://' + location.host + '/socket', 'echo');
    const binary = bytes(200 * 1024);
    const answers = [];
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => { socket.send('Grüße'); socket.send(binary); };
    socket.onerror = () => reject(new Error('the WebSocket failed'));
    socket.onclose = ({ code, wasClean }) => resolve([...answers, code, wasClean, socket.protocol]);
    socket.onmessage = async ({ data }) => {
      answers.push(typeof data === 'string' ? data : data.byteLength + ((await sha256(data)) === (await sha256(binary)) ? ' the same' : ' others'));
      if (answers.length === 2) socket.close(1000, 'done');
    };
  }),
  stream: async () => {
    const pieces = [];
    const reader = (await fetch('/stream')).body.pipeThrough(new TextDecoderStream()).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      pieces.push(next.value);
      void heard('piece ' + pieces.length);
    }
    return pieces;
  },
  upload: async () => {
    const body = bytes(3_000_000);
    const answer = await fetch('/upload', { method: 'PUT', body });
    return (await answer.text()) === (await sha256(body));
  },
  many: async () => {
    const answers = await Promise.all(Array.from({ length: 60 }, async (_, index) => (await fetch('/number/' + index)).text()));
    return answers.every((answer, index) => answer === '/number/' + index);
  },
  abort: async () => {
    const giveUp = new AbortController();
    const answer = await fetch('/endless', { signal: giveUp.signal });
    await answer.body.getReader().read();
    giveUp.abort();
    return answer.status;
  },
};
addEventListener('load', async () => {
  await Promise.all(Object.entries(tasks).map(async ([name, task]) => { results[name] = await task().catch(String); }));
  document.title = 'done';
});
</script><p>the page`;

/** Resolves when the page has said that it has heard `what`. */
type Heard = (what: string) => Promise<void>;

/** What `page` asks for. The next piece of a stream is written when the page says that it has the one before: gathered up on the way, none would go on. */
const startApp = async (t: ExecutionContext): Promise<Origin & { readonly endless: { ended: boolean } }> => {
  const said = new Set<string>();
  const endless = { ended: false };
  const heard: Heard = (what) => until(`the page has heard ${what}`, () => said.has(what));
  const read = (request: IncomingMessage, done: (digest: string, text: string) => void): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const all = Buffer.concat(chunks);
      done(createHash('sha256').update(all).digest('hex'), all.toString());
    });
  };
  const events = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('retry: 50\n\n');
    const first = Number(request.headers['last-event-id'] ?? 0) + 1;
    for (let id = first; id < first + 3; id += 1) {
      response.write(`id: ${id}\ndata: event number ${id}\n\n`);
      if (id === 5) return;
      await heard(`event ${id}`);
    }
    response.end();
  };
  const stream = async (response: ServerResponse): Promise<void> => {
    for (let piece = 1; piece <= 4; piece += 1) {
      response.write(`piece ${piece};`);
      await heard(`piece ${piece}`);
    }
    response.end();
  };
  const routes: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => unknown>> = {
    '/': (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page),
    '/heard': (request, response) =>
      read(request, (_digest, text) => {
        said.add(text);
        response.writeHead(204).end();
      }),
    '/events': events,
    '/stream': (_request, response) => stream(response),
    '/upload': (request, response) => read(request, (digest) => response.end(digest)),
    '/endless': (_request, response) => {
      response.on('close', () => (endless.ended = true));
      response.write('for ever');
    },
  };
  const origin = await startOrigin((request, response) => {
    const { url = '' } = request;
    const route = routes[url];
    if (route !== undefined) void route(request, response);
    else response.writeHead(url.startsWith('/number/') ? 200 : 404).end(url);
  });
  const sockets = new WebSocketServer({ server: origin.server, path: '/socket' });
  sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  t.teardown(origin.die);
  return { ...origin, endless };
};

test.serial('a page at zero is held until its pod is there; its events, WebSocket, streams and uploads then work as they do without a gateway', async (t) => {
  t.timeout(60_000);
  const [app, rig, browser] = await Promise.all([startApp(t), startRig(), startBrowser(t)]);
  t.teardown(rig.stop);
  const counters = rig.gateway.counters.workloads.get(web)!;
  await browser.open(`http://web.default.localhost:${String(rig.gateway.sharedPort)}/`);
  await until('held', () => counters.held === 1);
  await rig.route({ pods: [podAt(app.port)] });
  await browser.until("document.title === 'done'");
  t.deepEqual(await browser.evaluate('results'), {
    events: ['1 event number 1', '2 event number 2', '3 event number 3', '4 event number 4', '5 event number 5'],
    socket: ['Grüße', '204800 the same', 1000, true, 'echo'],
    stream: ['piece 1;', 'piece 2;', 'piece 3;', 'piece 4;'],
    upload: true,
    many: true,
    abort: 200,
  });
  await until('the pod knows that the page has given up', () => app.endless.ended);
  await until('nothing is in flight', () => counters.inFlight === 0);
  t.is(rig.firstBytes.length, 1);
  const { 101: switched, ...answered } = Object.fromEntries(counters.requests);
  t.is(switched, 1);
  t.is(
    Object.values(answered).reduce((sum, count) => sum + count, 0),
    app.requests.length,
    'as many requests as the pod has seen',
  );
});

test.serial('with the waiting page a browser shows at once that the application starts, and by itself the application when it has', async (t) => {
  t.timeout(60_000);
  const [app, rig, browser] = await Promise.all([startApp(t), startRig({ waitingPage: true }), startBrowser(t)]);
  t.teardown(rig.stop);
  await browser.open(`http://web.default.localhost:${String(rig.gateway.sharedPort)}/`);
  await browser.until("/starting/.test(document.body?.innerText ?? '')");
  t.is(app.requests.length, 0);
  t.true(rig.pokes.length > 0);
  await rig.route({ pods: [podAt(app.port)] });
  await browser.until("/the page/.test(document.body?.innerText ?? '')");
  await browser.until("document.title === 'done'");
  t.true((rig.gateway.counters.workloads.get(web)?.requests.get(503) ?? 0) > 0);
});
