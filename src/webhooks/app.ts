import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import { mutate, validate } from './admission/admit.ts';
import { reviewOf, type Verdict } from './admission/answer.ts';
import { isJson, parseReview, type AdmissionRequest } from './admission/review.ts';
import { bodyProblemOf } from './body-problem.ts';
import { prefix } from '../core/index.ts';
import type { AdmissionPorts } from './ports.ts';
import { ReviewTimes } from './review-times.ts';
import { ReviewsInHand } from './reviews-in-hand.ts';

/** Two objects of the size that the API server itself accepts (3 MB each), and their envelope. */
const largestBody = 8 * 1024 * 1024;

const answer =
  (ports: AdmissionPorts, times: ReviewTimes, judge: (request: AdmissionRequest) => Verdict | Promise<Verdict>) =>
  async (request: Request, response: Response): Promise<void> => {
    if (request.body === undefined) {
      response.status(415).json({ error: 'want a body of content type application/json' });
      return;
    }
    const parsed = parseReview(request.body);
    if (!parsed.ok) {
      response.status(400).json({ error: `not an AdmissionReview: ${parsed.problem}` });
      return;
    }
    if (hasFormula(parsed.value)) await ports.loadFormulas?.();
    const verdict = await judge(parsed.value);
    if (verdict.kind === 'deny') {
      const { resource, namespace, name, user, dryRun } = parsed.value;
      ports.logger.info('refused at admission', { resource, namespace, name, user, dryRun, message: verdict.message });
    }
    const review = reviewOf(parsed.value.uid, verdict);
    times.judged(response, verdict.kind === 'deny' ? 'denied' : isPatch(review) ? 'changed' : 'allowed');
    response.json(review);
  };

const isPatch = ({ response }: ReturnType<typeof reviewOf>): boolean => isJson(response) && 'patch' in response;

/** Formulas are checked by a library that is loaded when the first one comes. */
const hasFormula = ({ object }: AdmissionRequest): boolean => {
  const annotations = isJson(object['metadata']) ? object['metadata']['annotations'] : undefined;
  return isJson(annotations) && `${prefix}formula` in annotations;
};

/** Errors of the body parser are the client's; anything else is ours, and the API server goes on without us (`failurePolicy: Ignore`). */
const onError =
  (ports: AdmissionPorts): ErrorRequestHandler =>
  (error: unknown, _request, response, next) => {
    const problem = bodyProblemOf(error, largestBody);
    if (response.headersSent) {
      next(error);
      return;
    }
    if (problem !== undefined) {
      response.status(problem.status).json({ error: problem.sentence });
      return;
    }
    ports.logger.error('an admission request failed', { error });
    response.status(500).json({ error: 'internal error' });
  };

/** The webhooks' HTTP skin: `POST /admission/mutate` and `/admission/validate`. Serve it over TLS; it keeps no state and writes nothing. */
export const createWebhookApp = (ports: AdmissionPorts): Express => {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  const inHand = new ReviewsInHand(largestBody);
  // The API server sends its reviews as they are; what is packed would be counted too small.
  const body = express.json({ limit: largestBody, type: ['application/json'], inflate: false });
  const times = new ReviewTimes(ports);
  const judges = { mutate, validate };
  for (const name of ['mutate', 'validate'] as const) {
    const work = inHand.work(answer(ports, times, (request) => judges[name](ports, request)));
    app.post(`/admission/${name}`, times.begin(name), inHand.admit, body, work);
  }
  app.all(['/admission/mutate', '/admission/validate'], (_request, response) => {
    response.status(405).set('allow', 'POST').json({ error: 'only POST' });
  });
  app.use((_request, response) => {
    response.status(404).json({ error: 'nothing here: POST /admission/mutate or /admission/validate' });
  });
  app.use(onError(ports));
  return app;
};
