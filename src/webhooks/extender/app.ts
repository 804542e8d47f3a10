import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express';
import { ReviewsInHand } from '../reviews-in-hand.ts';
import { readBody, type BodyProblem } from './body.ts';
import { parseCall, type ExtenderCall } from './call.ts';
import { CallCounts, verbs, type ExtenderFigures, type Verb } from './call-counts.ts';
import { KnownNames } from './known-names.ts';
import { fittingOf, scoresOf, type AnswerReason } from './place.ts';
import type { ExtenderPorts } from './ports.ts';
import { filterError, filtered, priorities, type Reply } from './reply.ts';
import { Scratch } from './scratch.ts';

/**
 * The names of 5,000 nodes take 0.2 MB. A Node takes 5 to 20 KB, so that 1,000 to 3,000 whole ones fit; to read more would hold up the event loop for
 * longer than any scheduler waits.
 */
const largestBody = 16 * 1024 * 1024;

/** The answer to one call, and why it is that. */
type Answering = (call: ExtenderCall) => { readonly reason: AnswerReason; readonly reply: Reply };

const answering = (ports: ExtenderPorts): Readonly<Record<Verb, Answering>> => ({
  filter: (call) => {
    const { reason, each } = fittingOf(ports, call);
    return { reason, reply: filtered(call, each) };
  },
  prioritize: (call) => {
    const { reason, each } = scoresOf(ports, call);
    return { reason, reply: priorities(call, each) };
  },
});

const send = (response: Response, scratch: Scratch, reply: Reply): void => {
  response.setHeader('content-type', 'application/json; charset=utf-8');
  if (typeof reply === 'string') {
    response.send(reply);
    return;
  }
  const memory = scratch.take(reply.mostBytes);
  const length = reply.write(memory);
  response.once('close', () => {
    scratch.give(memory);
  });
  response.setHeader('content-length', length);
  response.end(memory.subarray(0, length));
};

/** A filter has a field for it, where the scheduler's users see it; of prioritize schedulers ignore whatever has another status than 200. */
const refuse = (verb: Verb, response: Response, status: number, problem: string): void => {
  if (verb === 'filter') response.json(filterError(problem));
  else response.status(status).json({ error: problem });
};

/** One verb: reads the call, answers, and says why. */
const handle = (verb: Verb, answer: Answering, counts: CallCounts, before: KnownNames): RequestHandler => {
  const [bodies, replies] = [new Scratch(), new Scratch()];
  const work = (body: Buffer | BodyProblem, response: Response): void => {
    if ('sentence' in body) {
      counts.because(response, body.status === 413 ? 'too-large' : 'invalid');
      refuse(verb, response, body.status, body.sentence);
      return;
    }
    const call = parseCall(body, before);
    if (!call.ok) {
      counts.because(response, 'invalid');
      refuse(verb, response, 400, `not a scheduler's call of an extender: ${call.problem}`);
      return;
    }
    const { reason, reply } = answer(call.value);
    counts.because(response, reason);
    send(response, replies, reply);
  };
  return (request, response, next) => {
    readBody(request, response, bodies, largestBody, (body) => {
      try {
        work(body, response);
      } catch (thrown) {
        next(thrown);
      }
    });
  };
};

const onError =
  (ports: ExtenderPorts, counts: CallCounts): ErrorRequestHandler =>
  (error: unknown, request, response, next) => {
    const verb = verbs.find((each) => request.path.toLowerCase().startsWith(`/extender/${each}`)) ?? 'prioritize';
    if (response.headersSent) {
      next(error);
      return;
    }
    ports.logger.error("a scheduler's call failed", { verb, error });
    counts.because(response, 'failed');
    refuse(verb, response, 500, 'internal error');
  };

const onlyPost: RequestHandler = (_request, response) => {
  response.status(405).set('allow', 'POST').json({ error: 'only POST' });
};

export interface Extender {
  readonly app: Express;
  readonly figures: ExtenderFigures;
}

/**
 * What kube-scheduler calls as an extender: `POST /extender/filter` and `/extender/prioritize` (`urlPrefix` ends in `/extender`). Serve it over TLS; it
 * writes nothing, and asks nobody but `ports.placer`.
 */
export const createExtender = (ports: ExtenderPorts): Extender => {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  const counts = new CallCounts(ports.clock);
  const inHand = new ReviewsInHand(largestBody, 'calls');
  const [byVerb, before] = [answering(ports), new KnownNames()];
  for (const verb of verbs) {
    app.post(`/extender/${verb}`, counts.begin(verb), inHand.admit, handle(verb, byVerb[verb], counts, before));
    app.all(`/extender/${verb}`, onlyPost);
  }
  app.use((_request, response) => {
    response.status(404).json({ error: 'nothing here: POST /extender/filter or /extender/prioritize' });
  });
  app.use(onError(ports, counts));
  return { app, figures: counts };
};
