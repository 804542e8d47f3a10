import type { RequestHandler } from 'express';

/** One API server has a few in hand at once, as its clients write; each may ask the API server for autoscalers in its turn. */
const mostReviews = 64;
/** Of bodies; what they are parsed into takes several times as much. Common reviews have some 10 KB. */
const mostBytes = 32 * 1024 * 1024;

/**
 * Anybody who reaches the port may send reviews: beyond so many at once, or so many bytes, they are refused before their bodies are read, and the API
 * server goes on without us (`failurePolicy: Ignore`). A body that does not say how long it is counts as the largest.
 */
export const limitReviews = (largestBody: number): RequestHandler => {
  let reviews = 0;
  let bytes = 0;
  return (request, response, next) => {
    // An answer that waits for the one before it on the same connection is never closed if that breaks: it would be counted for ever.
    if (response.socket === null) {
      response.status(503).json({ error: 'one review after the other on one connection' });
      return;
    }
    const length = Math.min(Number(request.headers['content-length'] ?? largestBody), largestBody);
    if (reviews >= mostReviews || bytes + length > mostBytes) {
      response.status(503).json({ error: `there are ${reviews} reviews in hand (${bytes} bytes), which is enough at once: come again in a moment` });
      return;
    }
    reviews += 1;
    bytes += length;
    response.once('close', () => {
      reviews -= 1;
      bytes -= length;
    });
    next();
  };
};
