import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Kind } from '../decider/world.ts';
import type { Took } from './server.ts';

export interface ManyWorkloads {
  readonly port: number;
  /** What it took since this was asked last. */
  readonly took: () => Promise<Took>;
  readonly stop: () => void;
}

/** The controller's API over a real scaler in a process of its own (`server.ts`). */
export const startManyWorkloads = async (workloads = 5000): Promise<ManyWorkloads> => {
  const kind: Kind = { workloads, active: true, window: '60s', metrics: 'one' };
  const child = fork(join(import.meta.dirname, 'server.ts'), [JSON.stringify(kind)], { execArgv: [] });
  const answers: ((said: unknown) => void)[] = [];
  child.on('message', (said) => answers.shift()?.(said));
  const ended = new Promise<never>((_, reject) =>
    child.once('exit', (code) => reject(new Error(`the server of the workloads has ended with ${String(code)}`))),
  );
  ended.catch(() => undefined); // in the end it is stopped
  const answer = (): Promise<unknown> => Promise.race([new Promise((resolve) => answers.push(resolve)), ended]);
  const port = (await answer()) as number;
  return {
    port,
    took: async () => {
      const said = answer();
      child.send('took');
      return (await said) as Took;
    },
    stop: () => child.disconnect(),
  };
};
