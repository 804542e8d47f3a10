import express, { type Express, type Response } from 'express';
import { controllerApi, leadsHeader, type Clock } from '../core/index.ts';
import { Allowance } from './allowance.ts';
import type { LiveReader, PageAccess } from './live/ports.ts';
import { liveRoutes } from './live/routes.ts';
import { notOnboarded } from './not-onboarded.ts';
import { refuse } from './refuse.ts';
import type { WorkloadReader } from './workloads.ts';

/**
 * The read-only HTTP API: `GET /controller`, `GET /workloads` (`?namespace=NAME`), `GET /workloads/NAMESPACE/NAME`, and of a workload `…/explain` (`?at=TIME`;
 * as JSON, or as text where that is accepted rather) and `…/trace` (JSON lines); and, with `live`, the live page at `/ui/`. Answers are worked out by the process that decides,
 * so all together get a tenth of its time at the most.
 */
export const createApi = (reader: WorkloadReader, clock: Clock, live?: { readonly reader: LiveReader; readonly access: PageAccess }): Express => {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((_request, response, next) => {
    response.set({ [leadsHeader]: String(reader.leads()), [controllerApi.versionHeader]: String(controllerApi.version) });
    next();
  });
  const unknown = (response: Response, namespace: string, name: string): void => {
    refuse(response, 404, 'not-onboarded', notOnboarded(namespace, name, reader.workloads()));
  };
  const allowance = new Allowance();
  if (live !== undefined) {
    // Relative: behind a proxy the page is somewhere else.
    app.get(/^\/(ui)?$/, (_request, response) => response.redirect('ui/'));
    app.use('/ui', liveRoutes(live.reader, live.access, clock, allowance));
  }
  app.use('/workloads', (_request, response, next) => {
    const began = clock.monotonic();
    if (!allowance.allows(began)) {
      const wait = allowance.waitSeconds;
      refuse(response.set('Retry-After', String(wait)), 429, 'busy', `this controller has answered much lately: ask again in ${String(wait)} s`);
      return;
    }
    next();
    // Every answer below is given before this line.
    allowance.spent(clock.monotonic() - began);
  });
  app.get('/controller', (_request, response) => {
    response.json(reader.controller());
  });
  app.get('/workloads', (request, response) => {
    const { namespace } = request.query;
    const workloads = reader.workloads();
    response.json({ workloads: namespace === undefined ? workloads : workloads.filter((workload) => workload.namespace === namespace) });
  });
  app.get('/workloads/:namespace/:name', (request, response) => {
    const { namespace, name } = request.params;
    const found = reader.explain(namespace, name);
    if (found === undefined) unknown(response, namespace, name);
    else response.json(found);
  });
  app.get('/workloads/:namespace/:name/explain', (request, response) => {
    const { namespace, name } = request.params;
    const { at } = request.query;
    if (at !== undefined && typeof at !== 'string') {
      refuse(response, 400, 'bad-time', 'at is given more than once: want one time, such as 2026-01-05T12:00:00Z or 5m ago');
      return;
    }
    const answer = reader.why(namespace, name, at);
    if (answer.kind === 'not-onboarded') unknown(response, namespace, name);
    else if (answer.kind === 'problem') refuse(response, answer.status, answer.code, answer.detail);
    else if (request.accepts(['json', 'text']) === 'text') response.type('text/plain').send(answer.words());
    else response.json(answer.explanation);
  });
  app.get('/workloads/:namespace/:name/trace', (request, response) => {
    const { namespace, name } = request.params;
    const trace = reader.trace(namespace, name);
    if (trace === undefined) unknown(response, namespace, name);
    else response.type('application/jsonl').send(trace);
  });
  app.use((_request, response) => {
    response.status(404).json({ code: 'not-found', detail: 'try /workloads, /controller, /healthz, /readyz or /metrics' });
  });
  return app;
};
