import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import test from 'ava';
import { until } from '../support/gateway-rig.ts';
import { curl, startHttpScene, tell } from '../support/http-scene.ts';
import { startProgram } from '../support/real-program.ts';

/** 20 MB from curl to a pod that is not there yet, and to one that does not want them. */

const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

const upload = randomBytes(20_000_000);

test('20 MB by --data-binary to a workload at zero arrive as they were', async (t) => {
  const { rig, wake, counted } = await startHttpScene(t, tell, { atZero: true });
  const post = curl(t, ['-H', 'Expect:', '--data-binary', '@-', `${rig.url}/upload`], { stdin: upload });
  await wake();
  t.is((await post).text, `POST /upload 20000000 ${digest(upload)}\n`);
  t.deepEqual(await counted(), [[200, 1]]);
});

test('with Expect: 100-continue nothing of 20 MB is sent before there is a pod to take it', async (t) => {
  const { rig, wake, counted } = await startHttpScene(t, tell, { atZero: true });
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
  const { rig, counted } = await startHttpScene(t, tell, { atZero: true, holdQueueDepth: 0 });
  const args = ['--expect100-timeout', '60', '-H', 'Expect: 100-continue', '--data-binary', '@-', '-o', '-', '-w', '\n%{http_code} %{size_upload}', rig.url];
  const { code, text } = await curl(t, args, { stdin: upload });
  t.is(code, 0);
  t.regex(text, /"code":"hold-queue-full"/);
  t.true(text.endsWith('\n503 0'), text);
  t.deepEqual(await counted(), [[503, 1]]);
});

test('-T - uploads in chunks, of a length that nobody knows before', async (t) => {
  const { rig, wake, counted } = await startHttpScene(t, tell, { atZero: true });
  const put = startProgram(t, 'curl', ['-q', '-sS', '-T', '-', `${rig.url}/file`], { stdin: null });
  put.child.stdin.write(upload.subarray(0, 3_000_000));
  await wake();
  put.child.stdin.end(upload.subarray(3_000_000));
  t.is((await put.ended).text, `PUT /file chunked ${digest(upload)}\n`);
  t.deepEqual(await counted(), [[200, 1]]);
});

test('a pod that answers before it has read the upload is heard, with and without Expect', async (t) => {
  const { rig, counted } = await startHttpScene(t, (_request, response) => response.writeHead(413).end('too large\n'));
  for (const expect of ['Expect:', 'Expect: 100-continue']) {
    const { text, errors } = await curl(t, ['-H', expect, '--expect100-timeout', '60', '--data-binary', '@-', '-w', '%{http_code}', rig.url], {
      stdin: upload,
    });
    t.is(text, 'too large\n413', errors);
  }
  t.deepEqual(await counted(), [[413, 2]]);
});

/** RFC 9110 §10.1.1: a proxy passes the expectation on, so that it is the pod that decides. The gateway says 100 itself today, as soon as it has a pod. */
test('with Expect: 100-continue a pod that refuses spares the client the upload', async (t) => {
  const { rig, origin } = await startHttpScene(t, tell);
  origin.server.on('checkContinue', (_request: IncomingMessage, response: ServerResponse) => response.writeHead(413).end('too large\n'));
  const args = ['--expect100-timeout', '60', '-H', 'Expect: 100-continue', '--data-binary', '@-', '-w', '%{http_code} %{size_upload}', rig.url];
  const { text } = await curl(t, args, { stdin: upload });
  t.is(text, 'too large\n413 0');
});
