import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { parentPort, Worker, workerData } from 'node:worker_threads';

/**
 * Ends the process when one input takes too long, and prints it: by a thread of its own, since a busy event loop runs no timer. What is under
 * way stands in shared memory: [number of the input, or 0 for none; length of the title; length of the input], then both as bytes.
 */
export interface Guard {
  /** `title` says what is under way. */
  begin(title: string, input: Buffer): void;
  end(): void;
}

const headBytes = 3 * Int32Array.BYTES_PER_ELEMENT;
const titleBytes = 1024;
/** Longer inputs are cut: no target makes one. */
const inputBytes = 4 * 1024 * 1024;
const stepMs = 100;

interface Watched {
  readonly shared: SharedArrayBuffer;
  readonly longestMs: number;
}

/** Resolves once the thread watches. */
export const startGuard = async (longestMs: number): Promise<Guard> => {
  const shared = new SharedArrayBuffer(headBytes + titleBytes + inputBytes);
  const head = new Int32Array(shared, 0, 3);
  const bytes = Buffer.from(shared, headBytes);
  const watched: Watched = { shared, longestMs };
  const thread = new Worker(import.meta.filename, { workerData: { watched }, execArgv: [] });
  await once(thread, 'message');
  thread.unref();
  let inputs = 0;
  return {
    begin: (title, input) => {
      head[1] = bytes.write(title, 0, titleBytes);
      head[2] = input.copy(bytes, titleBytes);
      inputs = (inputs % 0x7fff_ffff) + 1;
      Atomics.store(head, 0, inputs);
    },
    end: () => {
      Atomics.store(head, 0, 0);
    },
  };
};

const watch = ({ shared, longestMs }: Watched): void => {
  const head = new Int32Array(shared, 0, 3);
  const bytes = Buffer.from(shared, headBytes);
  for (let seen = 0, since = performance.now(); ;) {
    Atomics.wait(head, 0, seen, stepMs);
    const now = Atomics.load(head, 0);
    if (now !== seen || now === 0) {
      seen = now;
      since = performance.now();
    } else if (performance.now() - since > longestMs) {
      const input = bytes.subarray(titleBytes, titleBytes + (head[2] ?? 0)).toString('base64');
      writeSync(1, `${bytes.toString('utf8', 0, head[1])}: it takes more than ${longestMs} ms, given up\n  input (base64): ${input}\n`);
      process.kill(process.pid, 'SIGKILL');
    }
  }
};

const data: unknown = workerData;
if (typeof data === 'object' && data !== null && 'watched' in data) {
  parentPort?.postMessage('watching');
  watch(data.watched as Watched);
}
