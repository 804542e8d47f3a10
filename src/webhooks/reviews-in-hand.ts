import type { Request, RequestHandler, Response } from 'express';

/** One API server has a few in hand at once, as its clients write; each may ask the API server for autoscalers in its turn. */
const mostReviews = 64;
/** Of bodies; what they are parsed into takes several times as much. Common reviews have some 10 KB. */
const mostBytes = 32 * 1024 * 1024;

interface Review {
  readonly length: number;
  working: boolean;
  closed: boolean;
}

/**
 * Anybody who reaches the port may send reviews: beyond so many at once, or so many bytes, they are refused before their bodies are read, and the API
 * server goes on without us (`failurePolicy: Ignore`). A body that does not say how long it is counts as the largest. A review is in hand until it is
 * answered, or its client has gone, and nothing works on it any more.
 */
export class ReviewsInHand {
  readonly #largestBody: number;
  readonly #reviews = new Map<Response, Review>();
  readonly #what: string;
  #bytes = 0;

  /** `what` they are called in refusals. */
  constructor(largestBody: number, what = 'reviews') {
    this.#largestBody = largestBody;
    this.#what = what;
  }

  /** Comes before the body is read. */
  readonly admit: RequestHandler = (request, response, next) => {
    // An answer that waits for the one before it on the same connection is never closed if that breaks: it would be counted for ever.
    if (response.socket === null) {
      response.status(503).json({ error: `no more ${this.#what} on a connection before the one before is answered` });
      return;
    }
    const length = Math.min(Number(request.headers['content-length'] ?? this.#largestBody), this.#largestBody);
    if (this.#reviews.size >= mostReviews || this.#bytes + length > mostBytes) {
      response
        .status(503)
        .json({ error: `there are ${this.#reviews.size} ${this.#what} in hand (${this.#bytes} bytes), which is enough at once: come again in a moment` });
      return;
    }
    const review = { length, working: false, closed: false };
    this.#reviews.set(response, review);
    this.#bytes += length;
    response.once('close', () => {
      review.closed = true;
      this.#settle(response, review);
    });
    next();
  };

  /** `handler`, counted until it is done. */
  work(handler: (request: Request, response: Response) => Promise<void>): RequestHandler {
    return async (request, response) => {
      const review = this.#reviews.get(response);
      if (review !== undefined) review.working = true;
      try {
        await handler(request, response);
      } finally {
        if (review !== undefined) {
          review.working = false;
          this.#settle(response, review);
        }
      }
    };
  }

  #settle(response: Response, { working, closed, length }: Review): void {
    if (working || !closed || !this.#reviews.delete(response)) return;
    this.#bytes -= length;
  }
}
