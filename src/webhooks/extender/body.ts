import type { Request, Response } from 'express';
import type { Scratch } from './scratch.ts';

export interface BodyProblem {
  readonly status: 413 | 415;
  readonly sentence: string;
}

const atFirst = 64 * 1024;
const otherCharset = /;\s*charset=(?!"?utf-8"?\s*(?:;|$))/i;

const headProblem = (request: Request): BodyProblem | undefined => {
  const { 'content-encoding': encoding = 'identity', 'content-type': type = '' } = request.headers;
  if (request.is('application/json') === false || type === '') return { status: 415, sentence: 'want a body of content type application/json' };
  if (encoding.toLowerCase() !== 'identity') return { status: 415, sentence: 'the content encoding is not supported' };
  return otherCharset.test(type) ? { status: 415, sentence: 'the charset is not supported' } : undefined;
};

/**
 * Reads a body of JSON of `most` bytes at most, whatever is in it. `done` is called once, unless the client goes before; it must not keep the body, nor throw:
 * its memory is used again when `response` is closed.
 */
export const readBody = (request: Request, response: Response, scratch: Scratch, most: number, done: (body: Buffer | BodyProblem) => void): void => {
  const problem = headProblem(request);
  if (problem !== undefined) {
    done(problem);
    return;
  }
  const said = Number(request.headers['content-length'] ?? Number.NaN);
  let body = scratch.take(said <= most ? said : atFirst);
  // More than `most`: it is read to its end and not kept, so that the client hears why.
  let length = 0;
  let isClosed = false;
  request.on('data', (chunk: Buffer) => {
    if (isClosed) return;
    const next = length + chunk.length;
    if (next > most) {
      length = next;
      return;
    }
    if (next > body.length) {
      const larger = scratch.take(Math.min(most, Math.max(next, body.length * 2)));
      body.copy(larger, 0, 0, length);
      scratch.give(body);
      body = larger;
    }
    chunk.copy(body, length);
    length = next;
  });
  request.once('end', () => {
    if (!isClosed) done(length > most ? { status: 413, sentence: `the body is larger than ${most} bytes` } : body.subarray(0, length));
  });
  response.once('close', () => {
    isClosed = true;
    scratch.give(body);
  });
};
