import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `check` gives a value other than undefined or false, looking every 10 ms; fails with `what` and the last thing seen. For a busy machine. */
export const until = async <Value>(
  what: string,
  check: () => Value | undefined | false | Promise<Value | undefined | false>,
  withinMs = 45_000,
  seen: () => unknown = () => '',
): Promise<Value> => {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`after ${withinMs} ms still not: ${what} ${JSON.stringify(await seen())}`);
    await sleep(10);
  }
};
