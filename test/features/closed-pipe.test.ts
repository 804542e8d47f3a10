import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { clipped } from '../../src/cli/terminal.ts';

/** Commands in a pipe, by a real shell. */

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const workload = {
  namespace: 'default',
  name: 'web',
  resource: 'deployments.apps',
  phase: 'active',
  mode: 'enforce',
  pause: 'none',
  desired: 1,
  replicas: 1,
  ready: 1,
  starting: 0,
  inFlight: 0,
  reason: 'steady',
};

let looks = 0;
/** Has something new to say each time. */
const controller = createServer((_request, response) => {
  looks += 1;
  response
    .setHeader('rouse-leads', 'true')
    .setHeader('rouse-api-version', '1')
    .end(JSON.stringify({ workloads: [{ ...workload, held: looks }] }));
});
test.before(async () => {
  controller.listen(0, '127.0.0.1');
  await once(controller, 'listening');
});
test.after.always(() => {
  controller.closeAllConnections();
  controller.close();
});

/** What `rouse ARGS | REST` says, and how `rouse` ended. */
const piped = async (args: string, rest: string): Promise<{ readonly code: number; readonly out: string; readonly errors: string }> => {
  const url = `http://127.0.0.1:${(controller.address() as AddressInfo).port}`;
  const child = spawn('bash', ['-c', `"$0" "$1" ${args} --controller ${url} | ${rest}; echo "code \${PIPESTATUS[0]}"`, process.execPath, main]);
  let [out, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  await once(child, 'close');
  return { code: Number(/code (\d+)\n$/.exec(out)?.[1]), out, errors };
};

test('rouse status -w | head -1 ends with the pipe: quietly, and well', async (t) => {
  const { code, out, errors } = await piped('status -w', 'head -1');
  t.deepEqual([code, errors], [0, '']);
  t.regex(out, /^NAME +PHASE[^\n]*\ncode 0\n$/);
});

test('a watch in a pipe is lines without colours or control characters, one for each change', async (t) => {
  const { code, out, errors } = await piped('top -w', 'head -3');
  t.deepEqual([code, errors], [0, '']);
  t.regex(out, /^NAME [^\n]*\nweb [^\n]*\nweb [^\n]*\ncode 0\n$/);
  t.false(out.includes('\u001B'));
});

test('what is drawn on a terminal is cut at its width; what paints takes no room', (t) => {
  t.is(clipped('abcdef', 4), 'abcd');
  t.is(clipped('\u001B[1mab\u001B[22m\u001B[31mcdef\u001B[39m', 3), '\u001B[1mab\u001B[22m\u001B[31mc\u001B[39m');
  t.is(clipped('0 → 1', 3), '0 →');
  t.is(clipped('ab', 4), 'ab');
});
