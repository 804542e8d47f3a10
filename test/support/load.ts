import type { ExecutionContext } from 'ava';

/** A load that goes on until it is stopped. */
export interface Load<Answer> {
  /** In the order in which they came. */
  readonly answers: readonly Answer[];
  /** Lets what is in flight end; rejects if an `ask` did. */
  stop(): Promise<readonly Answer[]>;
}

/** Keeps `concurrency` calls of `ask` in flight, each client beginning anew as soon as it has its answer; ends with the test at the latest. */
export const startLoad = <Answer>(t: ExecutionContext, concurrency: number, ask: () => Promise<Answer>): Load<Answer> => {
  const answers: Answer[] = [];
  let running = true;
  const client = async (): Promise<void> => {
    while (running) answers.push(await ask());
  };
  const clients = Promise.all(Array.from({ length: concurrency }, client));
  clients.catch(() => undefined);
  t.teardown(() => {
    running = false;
  });
  return {
    answers,
    stop: async () => {
      running = false;
      await clients;
      return answers;
    },
  };
};
