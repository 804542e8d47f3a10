import type { RequestHandler, Response } from 'express';
import type { AdmissionPorts, ReviewOutcome } from './ports.ts';

/** Takes down how long each review took, and what came of it. Without `answered` it does nothing. */
export class ReviewTimes {
  readonly #ports: Pick<AdmissionPorts, 'clock' | 'answered'>;
  readonly #outcomes = new WeakMap<Response, ReviewOutcome>();

  constructor(ports: Pick<AdmissionPorts, 'clock' | 'answered'>) {
    this.#ports = ports;
  }

  /** Comes before everything else. */
  begin(webhook: 'mutate' | 'validate'): RequestHandler {
    const { clock, answered } = this.#ports;
    if (answered === undefined) return (_request, _response, next) => next();
    return (_request, response, next) => {
      const startedAt = clock.monotonic();
      response.once('close', () => answered(webhook, this.#outcomeOf(response), clock.monotonic() - startedAt));
      next();
    };
  }

  /** What was answered, where it was judged. */
  judged(response: Response, outcome: 'allowed' | 'changed' | 'denied'): void {
    this.#outcomes.set(response, outcome);
  }

  #outcomeOf(response: Response): ReviewOutcome {
    if (!response.writableFinished) return 'gone';
    const { statusCode } = response;
    return this.#outcomes.get(response) ?? (statusCode === 503 ? 'busy' : statusCode >= 500 ? 'failed' : 'invalid');
  }
}
