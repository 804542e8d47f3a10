import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import fc from 'fast-check';
import { silentLogger, systemClock } from '../../../core/index.ts';
import { pause, processesWith, untilNoProcess } from '../testing.ts';
import { ProcessGuard, type StartOutcome } from './process-guard.ts';
import { encodeFrame, frame, FrameReader } from './protocol.ts';

// Timers of a Clock keep no process alive, and a test that waits for others' processes has nothing else that would.
const alive = setInterval(() => undefined, 1000);
test.after.always(() => {
  clearInterval(alive);
});

const env = { PATH: process.env['PATH'] ?? '' };
const idle = (mark: string): string[] => [process.execPath, '-e', `console.log('up');setInterval(()=>0,1000)//${mark}`];

const startGuard = async (t: { teardown: (end: () => Promise<void>) => void }): Promise<ProcessGuard> => {
  const guard = await ProcessGuard.start(systemClock, silentLogger);
  t.teardown(() => guard.close());
  return guard;
};

/** Starts a process and waits for its first output. */
const startIdle = async (guard: ProcessGuard, mark: string): Promise<StartOutcome> => {
  const { promise: up, resolve } = Promise.withResolvers<undefined>();
  const outcome = await guard.start({
    argv: idle(mark),
    env,
    cwd: '/',
    onOutput: () => {
      resolve(undefined);
    },
  });
  await up;
  return outcome;
};

test('frames come out as they went in, however the bytes are cut', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(0xffffffff), fc.uint8Array({ maxLength: 50 }))), fc.integer({ min: 1, max: 20 }), (sent, size) => {
      const bytes = Buffer.concat(sent.map(([id, payload]) => encodeFrame(frame.stdout, id, payload)));
      const reader = new FrameReader();
      const got = [];
      for (let at = 0; at < bytes.length; at += size) got.push(...reader.push(bytes.subarray(at, at + size)));
      t.deepEqual(
        got.map(({ id, payload }) => [id, [...payload]]),
        sent.map(([id, payload]) => [id, [...payload]]),
      );
    }),
  );
});

test('output and exit code arrive, the whole output before the end', async (t) => {
  const guard = await startGuard(t);
  let text = '';
  const outcome = await guard.start({
    argv: [process.execPath, '-e', `process.stdout.write('x'.repeat(3_000_000));process.stderr.write('done');process.exitCode=7`],
    env,
    cwd: '/',
    onOutput: (stream, chunk) => {
      text += stream === 'stdout' ? chunk.toString() : `<${chunk.toString()}>`;
    },
  });
  t.is(outcome.kind, 'started');
  if (outcome.kind === 'started') t.deepEqual(await outcome.process.exited, { exitCode: 7, signal: undefined, isLost: false });
  t.is(text.replace('<done>', ''), 'x'.repeat(3_000_000));
  t.true(text.includes('<done>'));
});

test('a signal reaches the process and shows in its exit code', async (t) => {
  const guard = await startGuard(t);
  const outcome = await startIdle(guard, `signalled-${process.pid}`);
  if (outcome.kind === 'failed') throw new Error(outcome.message);
  outcome.process.signal('SIGTERM');
  t.deepEqual(await outcome.process.exited, { exitCode: 143, signal: 'SIGTERM', isLost: false });
});

test('when the guard is killed its processes are killed, said to be lost, and a new guard goes on', async (t) => {
  const guard = await startGuard(t);
  const mark = `guard-killed-${process.pid}`;
  const outcome = await startIdle(guard, mark);
  if (outcome.kind === 'failed') throw new Error(outcome.message);
  const before = guard.pid;
  process.kill(before ?? 0, 'SIGKILL');
  t.deepEqual(await outcome.process.exited, { exitCode: 137, signal: 'SIGKILL', isLost: true });
  await untilNoProcess(mark);
  t.is((await startIdle(guard, mark)).kind, 'started');
  t.not(guard.pid, before);
});

test('a guard that dies again and again is given up, and starting says so', async (t) => {
  const guard = await startGuard(t);
  for (let death = 0; death < 6; death += 1) {
    const outcome = await startIdle(guard, `dying-${process.pid}`);
    if (outcome.kind === 'failed') throw new Error(outcome.message);
    process.kill(guard.pid ?? 0, 'SIGKILL');
    await outcome.process.exited;
  }
  const outcome = await guard.start({ argv: idle('never'), env, cwd: '/', onOutput: () => undefined });
  t.like(outcome, { kind: 'failed', code: 'GUARD' });
});

test('when the kubelet is killed with SIGKILL nothing of its processes is left, not even what left its group', async (t) => {
  const mark = `orphan-${process.pid}`;
  const daemon = `require('child_process').spawn(process.execPath,['-e','setInterval(()=>0,1000)//${mark}-daemon'],{detached:true,stdio:'ignore'}).unref();`;
  const parent = `
    const { ProcessGuard } = await import(${JSON.stringify(new URL('./process-guard.ts', import.meta.url).href)});
    const { silentLogger, systemClock } = await import(${JSON.stringify(new URL('../../../core/index.ts', import.meta.url).href)});
    const guard = await ProcessGuard.start(systemClock, silentLogger);
    let up = 0;
    for (const program of [${JSON.stringify(`console.log('up');setInterval(()=>0,1000)//${mark}`)}, ${JSON.stringify(`${daemon}process.on('SIGTERM',()=>0);console.log('up');setInterval(()=>0,1000)//${mark}`)}])
      await guard.start({ argv: [process.execPath, '-e', program], env: process.env, cwd: '/', onOutput: () => { if (++up === 2) console.log('ready ' + guard.pid); } });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', parent], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const guardPid = Number(/ready (\d+)/.exec(line.toString())?.[1]);
  while (processesWith(`${mark}-daemon`).length < 1) await pause();
  t.true(processesWith(mark).length >= 2);
  child.kill('SIGKILL');
  await once(child, 'exit');
  if (process.platform === 'linux') await untilNoProcess(mark);
  else await untilNoProcess(`//${mark}'`);
  const isGuardAlive = (): boolean => {
    try {
      process.kill(guardPid, 0);
      return true;
    } catch {
      return false;
    }
  };
  while (isGuardAlive()) await pause();
  t.pass();
});

test('closing ends everything', async (t) => {
  const guard = await ProcessGuard.start(systemClock, silentLogger);
  const mark = `closed-${process.pid}`;
  await startIdle(guard, mark);
  await guard.close();
  await untilNoProcess(mark);
  t.like(await guard.start({ argv: idle(mark), env, cwd: '/', onOutput: () => undefined }), { kind: 'failed' });
});
