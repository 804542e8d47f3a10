import express, { type Express } from 'express';
import type { WorkloadReader } from './workloads.ts';

/** The read-only HTTP API: `GET /workloads` and `GET /workloads/NAMESPACE/NAME`. */
export const createApi = (reader: WorkloadReader): Express => {
  const app = express();
  app.disable('x-powered-by');
  app.get('/workloads', (_request, response) => {
    response.json({ workloads: reader.workloads() });
  });
  app.get('/workloads/:namespace/:name', (request, response) => {
    const { namespace, name } = request.params;
    const found = reader.explain(namespace, name);
    if (found === undefined) {
      response.status(404).json({ code: 'not-onboarded', detail: `${namespace}/${name} carries no rouse.dev/enabled: "true"` });
      return;
    }
    response.json(found);
  });
  app.use((_request, response) => {
    response.status(404).json({ code: 'not-found', detail: 'try /workloads, /healthz, /readyz or /metrics' });
  });
  return app;
};
