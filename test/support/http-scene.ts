import { createHash } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { ExecutionContext } from 'ava';
import { podAt, startOrigin, startRig, until, web, type Origin, type Rig } from './gateway-rig.ts';
import { runProgram, type ProgramOptions, type ProgramResult } from './real-program.ts';

/** curl without this machine's settings, and silent but for errors. */
export const curl = (t: ExecutionContext, args: readonly string[], options?: ProgramOptions): Promise<ProgramResult> =>
  runProgram(t, 'curl', ['-q', '-sS', ...args], options);

type SceneOptions = Parameters<typeof startRig>[0] & { readonly atZero?: boolean };

/** A gateway before one pod. */
export interface HttpScene {
  readonly rig: Rig;
  readonly origin: Origin;
  /** Starts the only pod, which is not there before. */
  readonly wake: () => Promise<void>;
  /** Statuses that were counted, when nothing is in flight any more. */
  readonly counted: () => Promise<readonly (readonly [number, number])[]>;
}

export const startHttpScene = async (t: ExecutionContext, handler: RequestListener, { atZero = false, ...patch }: SceneOptions = {}): Promise<HttpScene> => {
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

/** Answers with how the request came and what its body was. */
export const tell = (request: IncomingMessage, response: ServerResponse): void => {
  const hash = createHash('sha256');
  request.on('data', (chunk: Buffer) => hash.update(chunk));
  request.on('end', () => {
    const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
    response.end(`${request.method ?? ''} ${request.url ?? ''} ${length ?? coding ?? 'no body'} ${hash.digest('hex')}\n`);
  });
};
