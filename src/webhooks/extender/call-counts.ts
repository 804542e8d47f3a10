import type { Socket } from 'node:net';
import type { RequestHandler, Response } from 'express';
import { nextTurn } from '../../core/index.ts';
import type { ExtenderPorts } from './ports.ts';
import type { AnswerReason } from './place.ts';

export const verbs = ['filter', 'prioritize'] as const;
export type Verb = (typeof verbs)[number];

/** In seconds: what schedulers wait is 0.03. */
const durationBounds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 1];

/** Durations in seconds as plain numbers: `counts[i]` is what fell at or below `bounds[i]` and above the bound before, the last one what lay above all. */
interface Durations {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum: number;
  count: number;
}

/** What the calls of schedulers came to, since the start. */
export interface ExtenderFigures {
  readonly answers: ReadonlyMap<Verb, ReadonlyMap<AnswerReason, number>>;
  /** From the head of the request until its answer is with the kernel. */
  readonly durationSeconds: ReadonlyMap<Verb, Readonly<Durations>>;
}

/**
 * A scheduler that has given up ends its connection. Where we stood still meanwhile that comes right behind its call, and is read in the next turn; our answer
 * is out by then, for nobody. The first turn only ends the one that we are in.
 */
const wasRead = async (socket: Socket, response: Response): Promise<boolean> => {
  if (!response.writableFinished) return false;
  await nextTurn();
  await nextTurn();
  return !socket.readableEnded && socket.errored === null;
};

export class CallCounts implements ExtenderFigures {
  readonly answers: ReadonlyMap<Verb, Map<AnswerReason, number>> = new Map(verbs.map((verb) => [verb, new Map<AnswerReason, number>()]));
  readonly durationSeconds: ReadonlyMap<Verb, Durations> = new Map(
    verbs.map((verb) => [verb, { bounds: durationBounds, counts: [...durationBounds, 0].map(() => 0), sum: 0, count: 0 }]),
  );
  readonly #reasons = new WeakMap<Response, AnswerReason>();
  readonly #clock: ExtenderPorts['clock'];

  constructor(clock: ExtenderPorts['clock']) {
    this.#clock = clock;
  }

  /** Comes before everything else. */
  begin(verb: Verb): RequestHandler {
    return ({ socket }, response, next) => {
      const startedAt = this.#clock.monotonic();
      response.once('close', () => {
        const seconds = (this.#clock.monotonic() - startedAt) / 1000;
        void wasRead(socket, response).then((read) => {
          this.#end(verb, read ? (this.#reasons.get(response) ?? 'busy') : 'gone', seconds);
        });
      });
      next();
    };
  }

  /** Why the answer is what it is; without one, the call was refused before it was read. */
  because(response: Response, reason: AnswerReason): void {
    this.#reasons.set(response, reason);
  }

  #end(verb: Verb, reason: AnswerReason, seconds: number): void {
    const [answers, durations] = [this.answers.get(verb), this.durationSeconds.get(verb)];
    answers?.set(reason, (answers.get(reason) ?? 0) + 1);
    if (durations === undefined) return;
    const found = durationBounds.findIndex((bound) => seconds <= bound);
    const slot = found === -1 ? durationBounds.length : found;
    durations.counts[slot] = (durations.counts[slot] ?? 0) + 1;
    durations.sum += seconds;
    durations.count += 1;
  }
}
