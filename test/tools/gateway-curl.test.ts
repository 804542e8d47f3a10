import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { podAt, startOrigin, startRig, until, web, type Origin, type Rig } from '../support/gateway-rig.ts';
import { runProgram, startProgram, type ProgramOptions, type ProgramResult } from '../support/real-program.ts';

/** curl through the gateway, with the switches that people use. */

const curl = (t: ExecutionContext, args: readonly string[], options?: ProgramOptions): Promise<ProgramResult> =>
  runProgram(t, 'curl', ['-q', '-sS', ...args], options);

type SceneOptions = Parameters<typeof startRig>[0] & { readonly atZero?: boolean };

interface Scene {
  readonly rig: Rig;
  readonly origin: Origin;
  /** Starts the only pod, which is not there before. */
  readonly wake: () => Promise<void>;
  /** Statuses that were counted, when nothing is in flight any more. */
  readonly counted: () => Promise<readonly (readonly [number, number])[]>;
}

const startScene = async (t: ExecutionContext, handler: RequestListener, { atZero = false, ...patch }: SceneOptions = {}): Promise<Scene> => {
  const origin = await startOrigin(handler);
  const pods = [podAt(origin.port)];
  const rig = await startRig({ pods: atZero ? [] : pods, ...patch });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const counters = rig.gateway.counters.workloads.get(web)!;
  return {
    rig,
    origin,
    wake: async () => {
      await until('somebody waits for it', () => counters.held > 0 && rig.pokes.length > 0);
      t.is(origin.requests.length, 0);
      await rig.route({ pods });
    },
    counted: async () => {
      await until('nothing is in flight', () => counters.inFlight === 0 && counters.held === 0);
      return [...counters.requests].sort(([a], [b]) => a - b);
    },
  };
};

const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

/** Answers with how the request came and what its body was. */
const tell = (request: IncomingMessage, response: ServerResponse): void => {
  const hash = createHash('sha256');
  request.on('data', (chunk: Buffer) => hash.update(chunk));
  request.on('end', () => {
    const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
    response.end(`${request.method ?? ''} ${request.url ?? ''} ${length ?? coding ?? 'no body'} ${hash.digest('hex')}\n`);
  });
};

test('a GET at zero waits for the pod that it wakes, and is answered with its head and body', async (t) => {
  const answer: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 6, 'x-colour': 'blue' });
    response.end('hello\n');
  };
  const { rig, wake, counted } = await startScene(t, answer, { atZero: true });
  const get = curl(t, ['-i', `${rig.url}/path?q=1`]);
  await wake();
  const { code, text } = await get;
  t.is(code, 0);
  t.regex(text, /^HTTP\/1\.1 200 OK\r\n/);
  t.regex(text, /\r\nx-colour: blue\r\n/i);
  t.true(text.endsWith('\r\n\r\nhello\n'));
  t.is(rig.firstBytes.length, 1);
  t.deepEqual(await counted(), [[200, 1]]);
});

test('HEAD at zero is answered without a body, with the length that GET would have', async (t) => {
  const answer: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-length': 12345, etag: '"v1"' });
    response.end();
  };
  const { rig, origin, wake, counted } = await startScene(t, answer, { atZero: true });
  const head = curl(t, ['-I', rig.url, '-w', '%{num_connects} %{size_download}']);
  await wake();
  const { code, text } = await head;
  t.is(code, 0);
  t.regex(text, /\r\ncontent-length: 12345\r\n/i);
  t.regex(text, /\r\netag: "v1"\r\n/i);
  t.true(text.endsWith('\r\n\r\n1 0'));
  t.is(origin.requests[0]?.method, 'HEAD');
  t.deepEqual(await counted(), [[200, 1]]);
});

const upload = randomBytes(20_000_000);

test('20 MB by --data-binary to a workload at zero arrive as they were', async (t) => {
  const { rig, wake, counted } = await startScene(t, tell, { atZero: true });
  const post = curl(t, ['-H', 'Expect:', '--data-binary', '@-', `${rig.url}/upload`], { stdin: upload });
  await wake();
  t.is((await post).text, `POST /upload 20000000 ${digest(upload)}\n`);
  t.deepEqual(await counted(), [[200, 1]]);
});

test('with Expect: 100-continue nothing of 20 MB is sent before there is a pod to take it', async (t) => {
  const { rig, wake, counted } = await startScene(t, tell, { atZero: true });
  const post = startProgram(
    t,
    'curl',
    ['-q', '-sS', '-v', '--expect100-timeout', '60', '-H', 'Expect: 100-continue', '--data-binary', '@-', `${rig.url}/upload`],
    { stdin: upload },
  );
  await until('the head is sent', () => /^> Expect: 100-continue/m.test(post.errors()));
  await wake();
  const { text, errors } = await post.ended;
  t.is(text, `POST /upload 20000000 ${digest(upload)}\n`);
  t.regex(errors, /< HTTP\/1\.1 100 Continue/);
  t.deepEqual(await counted(), [[200, 1]]);
});

test('with Expect: 100-continue a refusal spares the client the upload', async (t) => {
  const { rig, counted } = await startScene(t, tell, { atZero: true, holdQueueDepth: 0 });
  const args = ['--expect100-timeout', '60', '-H', 'Expect: 100-continue', '--data-binary', '@-', '-o', '-', '-w', '\n%{http_code} %{size_upload}', rig.url];
  const { code, text } = await curl(t, args, { stdin: upload });
  t.is(code, 0);
  t.regex(text, /"code":"hold-queue-full"/);
  t.true(text.endsWith('\n503 0'), text);
  t.deepEqual(await counted(), [[503, 1]]);
});

test('-T - uploads in chunks, of a length that nobody knows before', async (t) => {
  const { rig, wake, counted } = await startScene(t, tell, { atZero: true });
  const put = startProgram(t, 'curl', ['-q', '-sS', '-T', '-', `${rig.url}/file`], { stdin: null });
  put.child.stdin.write(upload.subarray(0, 3_000_000));
  await wake();
  put.child.stdin.end(upload.subarray(3_000_000));
  t.is((await put.ended).text, `PUT /file chunked ${digest(upload)}\n`);
  t.deepEqual(await counted(), [[200, 1]]);
});

test('a client of HTTP/1.0 gets an answer without chunks that ends with the connection', async (t) => {
  const answer: RequestListener = (_request, response) => {
    response.write('in ');
    setTimeout(() => response.end('parts\n'), 10);
  };
  const { rig, counted } = await startScene(t, answer);
  const { code, text } = await curl(t, ['--http1.0', '-i', '--raw', rig.url]);
  t.is(code, 0);
  t.notRegex(text, /transfer-encoding/i);
  t.true(text.endsWith('\r\n\r\nin parts\n'), text);
  t.deepEqual(await counted(), [[200, 1]]);
});

test('what --compressed asks for, and the gzip that the pod answers, go through untouched', async (t) => {
  const zipped = gzipSync('the same line again\n'.repeat(1000));
  const answer: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length, vary: 'accept-encoding' });
    response.end(zipped);
  };
  const { rig, origin } = await startScene(t, answer);
  const { text } = await curl(t, ['--compressed', rig.url, '-w', '%{size_download}']);
  t.is(text, `${'the same line again\n'.repeat(1000)}${zipped.length}`);
  t.regex(String(origin.requests[0]?.headers['accept-encoding']), /gzip/);
  const asked = origin.requests[0]?.headers['accept-encoding'];
  const { output } = await curl(t, ['-H', `Accept-Encoding: ${String(asked)}`, rig.url]);
  t.true(output.equals(zipped));
});

test('a client that gives up after --max-time ends its request at the pod too, and counts as 499', async (t) => {
  let gone = false;
  const { rig, origin, counted } = await startScene(t, (_request, response) => void response.on('close', () => (gone = true)));
  const { code, errors } = await curl(t, ['--max-time', '0.5', rig.url]);
  t.is(code, 28);
  t.regex(errors, /timed out/);
  await until('the pod knows', () => gone);
  t.is(origin.requests.length, 1);
  t.deepEqual(await counted(), [[499, 1]]);
});

test('a client that gives up while held leaves the queue, and the pod that comes afterwards never hears of it', async (t) => {
  const { rig, origin, counted } = await startScene(t, tell, { atZero: true });
  const given = await curl(t, ['--max-time', '0.5', `${rig.url}/given-up`]);
  t.is(given.code, 28);
  t.deepEqual(await counted(), [[499, 1]]);
  await rig.route({ pods: [podAt(origin.port)] });
  t.regex((await curl(t, [`${rig.url}/next`])).text, /^GET \/next /);
  t.deepEqual(
    origin.requests.map(({ url }) => url),
    ['/next'],
  );
});

test('a range is the affair of the pod: 206 with its bytes, 416 where there are none', async (t) => {
  const body = randomBytes(10_000);
  const answer: RequestListener = (request, response) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const [first, last] = [Number(from), Number(to)];
    if (first >= body.length) response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end();
    else response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${body.length}` }).end(body.subarray(first, last + 1));
  };
  const { rig, counted } = await startScene(t, answer);
  const { output } = await curl(t, ['-r', '100-4099', rig.url]);
  t.true(output.equals(body.subarray(100, 4100)));
  const beyond = await curl(t, ['-r', '20000-20001', '-i', rig.url]);
  t.regex(beyond.text, /^HTTP\/1\.1 416 /);
  t.regex(beyond.text, /content-range: bytes \*\/10000/i);
  t.deepEqual(await counted(), [
    [206, 1],
    [416, 1],
  ]);
});

test('-N shows each piece of an answer before the pod has written the next one', async (t) => {
  let response: ServerResponse | undefined;
  const { rig, wake, counted } = await startScene(t, (_request, answer) => void (response = answer), { atZero: true });
  const stream = startProgram(t, 'curl', ['-q', '-sS', '-N', rig.url]);
  await wake();
  await until('at the pod', () => response !== undefined);
  for (const piece of ['one\n', 'two\n', 'three\n', 'four\n', 'five\n']) {
    response?.write(piece);
    await until(`${piece} is shown`, () => stream.text().endsWith(piece));
  }
  response?.end();
  const { code, text } = await stream.ended;
  t.deepEqual([code, text], [0, 'one\ntwo\nthree\nfour\nfive\n']);
  t.deepEqual(await counted(), [[200, 1]]);
});

test('several URLs in one curl go over one connection, whatever their methods and statuses', async (t) => {
  const answer: RequestListener = (request, response) => {
    if (request.url === '/none') response.statusCode = 204;
    if (request.url === '/missing') response.statusCode = 404;
    if (request.url === '/cached') response.statusCode = 304;
    tell(request, response);
  };
  const { rig, counted } = await startScene(t, answer);
  const paths = ['/a', '/none', '/missing', '/cached', '/b', '/c'];
  const { code, text } = await curl(t, [...paths.flatMap((path) => ['-o', '/dev/null', `${rig.url}${path}`]), '-w', '%{http_code} %{num_connects}\n']);
  t.is(code, 0);
  t.is(text, '200 1\n204 0\n404 0\n304 0\n200 0\n200 0\n');
  const posts = await curl(
    t,
    ['-d', 'x', `${rig.url}/p`, '--next', '-sS', '-T', '-', `${rig.url}/q`, '--next', '-sS', '-w', '%{num_connects}', `${rig.url}/r`],
    {
      stdin: 'in chunks',
    },
  );
  t.deepEqual(
    posts.text.split('\n').map((line) => line.split(' ').slice(0, 3).join(' ')),
    ['POST /p 1', 'PUT /q chunked', 'GET /r no', '0'],
  );
  t.deepEqual(await counted(), [
    [200, 6],
    [204, 1],
    [304, 1],
    [404, 1],
  ]);
});

test('--retry after a refusal comes again when Retry-After says, and finds the pod', async (t) => {
  const { rig, origin, counted } = await startScene(t, tell, { atZero: true, holdQueueDepth: 0 });
  const from = performance.now();
  const get = curl(t, ['--retry', '3', '-w', '%{http_code}', rig.url]);
  await until('poked', () => rig.pokes.length > 0);
  await rig.route({ pods: [podAt(origin.port)] });
  const { code, text } = await get;
  t.is(code, 0);
  t.regex(text, /^\{.*"hold-queue-full".*\}GET \/ no body \w+\n200$/);
  t.true(performance.now() - from > 950);
  t.deepEqual(await counted(), [
    [200, 1],
    [503, 1],
  ]);
});

test('a wake that fails is said to curl with its reason, as a problem document', async (t) => {
  const { rig, counted } = await startScene(t, tell, { atZero: true });
  const get = curl(t, ['--fail-with-body', '-i', rig.url]);
  await until('held', () => rig.gateway.counters.workloads.get(web)?.held === 1);
  await rig.route({ wakeFailure: { reason: 'image-pull', message: 'the image is not there' } });
  const { code, text } = await get;
  t.is(code, 22);
  const [head = '', body = ''] = text.split('\r\n\r\n');
  t.regex(head, /^HTTP\/1\.1 503 /);
  t.regex(head, /^content-type: application\/problem\+json/im);
  t.like(JSON.parse(body), { code: 'wake-failed', reason: 'image-pull', status: 503 });
  t.deepEqual(await counted(), [[503, 1]]);
});

test('an answer that the pod breaks off is broken off for curl', async (t) => {
  const { rig, counted } = await startScene(t, (request, response) => {
    response.write('half', () => setImmediate(() => request.socket.resetAndDestroy()));
  });
  const { code, text, errors } = await curl(t, [rig.url]);
  t.true([18, 56].includes(code ?? 0), `${String(code)} ${errors}`);
  t.true('half'.startsWith(text));
  t.deepEqual(await counted(), [[200, 1]]);
});
