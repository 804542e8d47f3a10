import test from 'ava';
import { spawnSync } from 'node:child_process';

const run = (work: string, longestMs = 300): { readonly status: number | null; readonly signal: string | null; readonly text: string } => {
  const guard = JSON.stringify(new URL('../fuzz/guard.ts', import.meta.url).href);
  const program = `import { startGuard } from ${guard}; const guard = await startGuard(${longestMs}); ${work}`;
  const { status, signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', timeout: 20_000 });
  return { status, signal, text: stdout };
};
const input = Buffer.from('an input').toString('base64');

const givesUp = test.macro((t, work: string) => {
  const { signal, text } = run(`guard.begin('one', Buffer.from('good')); guard.end(); guard.begin('two', Buffer.from('an input')); ${work}`);
  t.is(signal, 'SIGKILL');
  t.is(text, `two: it takes more than 300 ms, given up\n  input (base64): ${input}\n`);
});

test('an input that keeps the event loop busy ends the run, and is printed', givesUp, 'for (;;);');
test('an input that is waited for in vain ends the run, and is printed', givesUp, 'await new Promise(() => setInterval(() => undefined, 1000));');
test('many quick inputs do not, nor does the time after the last', (t) => {
  const wait = (milliseconds: number): string => `await new Promise((resolve) => setTimeout(resolve, ${milliseconds}));`;
  // Far from the limit each: on a busy machine a wait takes longer than it is asked for.
  const { status, text } = run(
    `for (let n = 0; n < 8; n++) { guard.begin('a', Buffer.from('a')); ${wait(400)} guard.end(); } ${wait(3300)} console.log('done');`,
    3000,
  );
  t.deepEqual([status, text], [0, 'done\n']);
});
