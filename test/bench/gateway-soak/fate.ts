import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../../src/core/index.ts';
import type { Pod, Pods } from './pods.ts';

const fewest = 3;
const most = 6;
const mostMsToListen = 1000;

export const happenings = ['one comes', 'one goes', 'one crashes', 'all are swapped', 'all are gone'] as const;
export type Happening = (typeof happenings)[number];

/** What happens to the pods: one thing after the other, 2 to 5 s apart. */
export class Fate {
  readonly happened: Record<Happening, number> = { 'one comes': 0, 'one goes': 0, 'one crashes': 0, 'all are swapped': 0, 'all are gone': 0 };
  readonly #pods: Pods;
  readonly #random: Random;

  constructor(pods: Pods, random: Random) {
    this.#pods = pods;
    this.#random = random;
  }

  /** The first pods; resolves when they listen. */
  async begin(): Promise<void> {
    const first = await this.#come(this.#between(fewest, most));
    await this.#pods.list(first);
    await Promise.all(first.map(({ ready }) => ready));
  }

  async run(signal: AbortSignal): Promise<void> {
    while (await sleep(this.#between(2000, 5000), true, { signal }).catch(() => false)) {
      const happening = this.#chosen();
      await this.#happen[happening]();
      this.happened[happening] += 1;
    }
  }

  readonly #happen: Readonly<Record<Happening, () => Promise<void>>> = {
    'one comes': async () => this.#pods.list([...this.#pods.listed, ...(await this.#come(1))]),
    'one goes': async () => {
      const pod = this.#one();
      await this.#pods.list(this.#pods.listed.filter((other) => other !== pod));
      await this.#go([pod]);
    },
    // The routes name it for a while: the gateway finds out by itself.
    'one crashes': async () => {
      const pod = this.#one();
      this.#pods.kill(pod);
      await sleep(this.#between(0, 1500));
      await this.#pods.list([...this.#pods.listed.filter((other) => other !== pod), ...(await this.#come(1))]);
    },
    'all are swapped': async () => {
      const old = this.#pods.listed;
      const fresh = await this.#come(this.#between(fewest, most));
      await this.#pods.list([...old, ...fresh]);
      await Promise.all(fresh.map(({ ready }) => ready));
      await this.#pods.list(fresh);
      await this.#go(old);
    },
    'all are gone': async () => {
      const old = this.#pods.listed;
      await this.#pods.list([]);
      const [fresh] = await Promise.all([sleep(1000).then(() => this.#come(this.#between(fewest, most))), this.#go(old)]);
      await this.#pods.list(fresh);
    },
  };

  /**
   * They are not listening yet when the routes name them, so the gateway has to wait for them; how long is not left to how long a program takes to load on a busy machine: where no pod listens for 9 s, 503
   * is the right answer.
   */
  async #come(count: number): Promise<readonly Pod[]> {
    const pods = Array.from({ length: count }, () => this.#pods.start(this.#between(0, mostMsToListen)));
    await Promise.all(pods.map(({ started }) => started));
    return pods;
  }

  /** They are out of the routes, and told a moment later. */
  async #go(pods: readonly Pod[]): Promise<void> {
    await sleep(this.#between(200, 1000));
    for (const pod of pods) this.#pods.tell(pod);
  }

  #one(): Pod {
    const { listed } = this.#pods;
    const pod = listed[this.#between(0, listed.length - 1)];
    if (pod === undefined) throw new Error('there is no pod');
    return pod;
  }

  #chosen(): Happening {
    const count = this.#pods.listed.length;
    const possible: readonly Happening[] = [
      ...(count < most ? (['one comes', 'one comes', 'one comes'] as const) : []),
      ...(count > fewest ? (['one goes', 'one goes', 'one goes'] as const) : []),
      ...(['one crashes', 'one crashes', 'one crashes', 'all are swapped', 'all are swapped', 'all are gone'] as const),
    ];
    return possible[this.#between(0, possible.length - 1)] ?? 'one crashes';
  }

  #between(least: number, greatest: number): number {
    return least + Math.floor(this.#random() * (greatest - least + 1));
  }
}
