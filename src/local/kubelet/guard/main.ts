/**
 * The guard process: starts every process of the kubelet, each in a group of its own, and ends all of them when the kubelet is gone, however
 * it went (its end of our standard input closes with it, also after kill -9). Being small it forks fast. Run by `ProcessGuard`, with its name as argument.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { encodeFrame, frame, markerVariable, type ExitedPayload, type FrameType, type GuardCommand, type StopSignal } from './protocol.ts';
import { isGroupAlive, killGroup, sweep } from './sweep.ts';

interface Guarded {
  readonly group: number;
  /** Told to end: the rest of the group may follow in its own time. */
  isStopping: boolean;
}

const name = process.argv[2] ?? '';
const live = new Map<number, Guarded | undefined>();
const readers = new Set<Readable>();
let isSweeping = false;

const send = (type: FrameType, id: number, payload: Uint8Array): void => {
  // A kubelet that does not read makes its containers wait, not us grow.
  if (!process.stdout.write(encodeFrame(type, id, payload))) for (const reader of readers) reader.pause();
};
const sendJson = (type: FrameType, id: number, payload: unknown): void => {
  send(type, id, Buffer.from(JSON.stringify(payload)));
};

/** A moment later, and once for all that ended meanwhile. */
const sweepSoon = (): void => {
  if (isSweeping) return;
  isSweeping = true;
  setTimeout(() => {
    isSweeping = false;
    void sweep(name, (id) => live.has(id));
  }, 50);
};

const forward = (type: FrameType, id: number, stream: Readable): void => {
  readers.add(stream);
  stream.on('data', (chunk: Buffer) => {
    send(type, id, chunk);
  });
  stream.on('close', () => readers.delete(stream));
};

/** Resolves when nothing of the group is left. One that ended by itself takes the rest with it, as the first process of a container does. */
const groupEnded = async ({ group, isStopping }: Guarded): Promise<void> => {
  if (!isStopping) killGroup(group, 'SIGKILL');
  while (process.platform !== 'win32' && isGroupAlive(group)) await new Promise((resolve) => setTimeout(resolve, 10));
};

/** The output is complete when both streams are closed. What left the group may hold them open, so only as long as something comes, or is held up by a slow kubelet. */
const outputEnded = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
    let isQuiet = false;
    const giveUp = setInterval(() => {
      if (isQuiet && !streams.some((stream) => stream.isPaused())) for (const stream of streams) stream.destroy();
      isQuiet = true;
    }, 100);
    for (const stream of streams)
      stream.on('data', () => {
        isQuiet = false;
      });
    child.on('close', () => {
      clearInterval(giveUp);
      resolve();
    });
  });

const finish = async (id: number, child: ChildProcess, guarded: Guarded, exit: ExitedPayload): Promise<void> => {
  const output = outputEnded(child);
  await groupEnded(guarded);
  await output;
  live.delete(id);
  sendJson(frame.exited, id, exit);
  sweepSoon();
};

const start = ({ id, argv, env, cwd }: GuardCommand & { readonly op: 'start' }): void => {
  const [file = '', ...args] = argv;
  live.set(id, undefined);
  const fail = (error: NodeJS.ErrnoException): void => {
    live.delete(id);
    const isCwd = error.code === 'ENOENT' && !existsSync(cwd);
    sendJson(frame.failed, id, { code: isCwd ? 'ENOCWD' : (error.code ?? 'UNKNOWN'), message: error.message });
  };
  let child: ChildProcess;
  try {
    child = spawn(file, args, { cwd, env: { ...env, [markerVariable]: `${name}/${id}` }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (thrown) {
    fail(thrown instanceof Error ? thrown : new Error(String(thrown)));
    return;
  }
  const { pid, stdout, stderr } = child;
  if (pid === undefined || stdout === null || stderr === null) {
    child.once('error', fail);
    return;
  }
  const guarded: Guarded = { group: pid, isStopping: false };
  live.set(id, guarded);
  sendJson(frame.started, id, { pid });
  forward(frame.stdout, id, stdout);
  forward(frame.stderr, id, stderr);
  child.on('error', () => undefined);
  child.on('exit', (code, signal) => {
    void finish(id, child, guarded, { code, signal });
  });
};

const stop = (id: number, signal: StopSignal): void => {
  const guarded = live.get(id);
  if (guarded === undefined) return;
  guarded.isStopping = true;
  killGroup(guarded.group, signal);
};

const endAll = (): void => {
  for (const guarded of live.values()) if (guarded !== undefined) killGroup(guarded.group, 'SIGKILL');
  live.clear();
  void sweep(name, () => false).finally(() => process.exit(0));
};

// Only the end of the kubelet ends us: a Ctrl-C in its terminal is its business.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => undefined);
process.stdout.on('error', endAll);
process.stdout.on('drain', () => {
  for (const reader of readers) reader.resume();
});
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const command = JSON.parse(line) as GuardCommand;
  if (command.op === 'start') start(command);
  else stop(command.id, command.signal);
});
lines.on('close', endAll);
send(frame.ready, 0, new Uint8Array());
