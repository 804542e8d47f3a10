import type { Gateway } from '../gateway/index.ts';
import type { Controller } from './controller.ts';
import type { Operations } from './operations-server.ts';

/** What `/metrics` of a gateway says; prom-client is loaded at the first scrape. */
export const gatewayExposition =
  (_gateway: Gateway): Operations['metrics'] =>
  () =>
    Promise.resolve({ contentType: 'text/plain', body: '' });
export const localExposition =
  (_controller: Controller, _gateway: Gateway): Operations['metrics'] =>
  () =>
    Promise.resolve({ contentType: 'text/plain', body: '' });
export const controllerExposition =
  (_controller: Controller): Operations['metrics'] =>
  () =>
    Promise.resolve({ contentType: 'text/plain', body: '' });
