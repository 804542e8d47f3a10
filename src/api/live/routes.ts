import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, type Router } from 'express';
import type { Clock } from '../../core/index.ts';
import type { Allowance } from '../allowance.ts';
import { refuse } from '../refuse.ts';
import { letIn } from './access.ts';
import { parseView } from './list.ts';
import type { LiveReader, PageAccess } from './ports.ts';
import { Streams } from './streams.ts';

/** Nothing but what we serve ourselves; styles that scripts set are not inline ones. */
const contentPolicy = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"],
].join('; ');

const headers: RequestHandler = (_request, response, next) => {
  response.set({
    'content-security-policy': contentPolicy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
  });
  next();
};

const pageFiles = join(import.meta.dirname, '..', 'page');
const chartFiles = dirname(fileURLToPath(import.meta.resolve('uplot')));

/** The live page (its files are nobody's secret) and, for those who are let in, its data. */
export const liveRoutes = (reader: LiveReader, access: PageAccess, clock: Clock, allowance: Allowance): Router => {
  const router = express.Router();
  const streams = new Streams(reader, clock, allowance);
  router.use(headers);
  router.use('/live', letIn(access));
  router.get('/live', (request, response) => {
    const view = parseView(request.query);
    if (!view.ok) refuse(response, 400, 'bad-query', view.detail);
    else if (streams.isFull) refuse(response.set('Retry-After', '5'), 503, 'too-many-pages', 'this controller serves as many live pages as it can: close one');
    else streams.open(view.value, response);
  });
  const revalidated = { etag: true, cacheControl: true, maxAge: 0, redirect: false } as const;
  for (const file of ['uPlot.esm.js', 'uPlot.min.css'])
    router.get(`/chart/${file}`, (_request, response) => {
      response.sendFile(file, { ...revalidated, root: chartFiles });
    });
  router.use('/', express.static(pageFiles, { ...revalidated, index: 'index.html' }));
  return router;
};
