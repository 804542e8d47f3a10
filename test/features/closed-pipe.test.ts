import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { clipped } from '../../src/cli/terminal.ts';
import { activeRow, controllerOf, served } from '../support/served.ts';

/** Commands in a pipe, by a real shell. */

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
/** What `rouse ARGS | REST` says, and how `rouse` ended. */
const piped = async (t: ExecutionContext, args: string, rest: string): Promise<{ readonly code: number; readonly out: string; readonly errors: string }> => {
  let looks = 0;
  // Something new each time.
  const url = await served(
    t,
    controllerOf(() => [{ ...activeRow, held: (looks += 1) }]),
  );
  const child = spawn('bash', ['-c', `"$0" "$1" ${args} --controller ${url} | ${rest}; echo "code \${PIPESTATUS[0]}"`, process.execPath, main]);
  let [out, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  await once(child, 'close');
  return { code: Number(/code (\d+)\n$/.exec(out)?.[1]), out, errors };
};

test('rouse status -w | head -1 ends with the pipe: quietly, and well', async (t) => {
  const { code, out, errors } = await piped(t, 'status -w', 'head -1');
  t.deepEqual([code, errors], [0, '']);
  t.regex(out, /^NAME +PHASE[^\n]*\ncode 0\n$/);
});

test('a watch in a pipe is lines without colours or control characters, one for each change', async (t) => {
  const { code, out, errors } = await piped(t, 'top -w', 'head -3');
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
