import type http from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { messageOf } from '../../core/index.ts';
import { listenOn, type ListenAddress } from '../listen.ts';
import { Scrapes, type Expose } from './scrapes.ts';

/** What a process says of itself. */
export interface Operations {
  /** Undefined while ready, else what it waits for, in a sentence. */
  readonly notReady: () => string | undefined;
  readonly metrics: Expose;
  /** Answers every other path. */
  readonly other?: RequestListener;
}

// Not imported: a namespace of it would load undici with it (`gateway/node-http.ts`).
const { createServer } = createRequire(import.meta.url)('node:http') as typeof http;

const text = (response: ServerResponse, status: number, body: string): void => {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
};

const answer = async (operations: Operations, scrapes: Scrapes, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const path = request.url?.split('?')[0];
  if (path === '/healthz') {
    text(response, 200, 'ok\n');
  } else if (path === '/readyz') {
    const waitingFor = operations.notReady();
    text(response, waitingFor === undefined ? 200 : 503, `${waitingFor ?? 'ok'}\n`);
  } else if (path === '/metrics') {
    await scrapes.answer(request, response);
  } else if (operations.other !== undefined) {
    operations.other(request, response);
  } else {
    text(response, 404, 'not found: try /healthz, /readyz or /metrics\n');
  }
};

/** Serves `/healthz`, `/readyz` and `/metrics` (plain node:http: the gateway process loads no express). Port 0 takes any free one. */
export const serveOperations = async (operations: Operations, address: ListenAddress): Promise<Server> => {
  const scrapes = new Scrapes(operations.metrics);
  const server = createServer((request, response) => {
    answer(operations, scrapes, request, response).catch((failure: unknown) => {
      if (!response.headersSent) text(response, 500, `${messageOf(failure)}\n`);
    });
  });
  await listenOn(server, address);
  return server;
};
