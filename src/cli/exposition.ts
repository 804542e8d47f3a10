import type { Gateway } from '../gateway/index.ts';
import { createGatewayInstruments } from '../metrics/index.ts';
import type { Controller } from './controller.ts';
import type { Operations } from './operations-server.ts';

/** What `/metrics` of a gateway says. */
export const gatewayExposition = (gateway: Gateway): Operations['metrics'] => {
  const instruments = createGatewayInstruments(() => gateway.counters);
  return () => instruments.expose();
};

/** What `/metrics` of a controller says. */
export const controllerExposition =
  ({ instruments }: Controller): Operations['metrics'] =>
  () =>
    instruments.expose();

/** Both, one after the other: no metric is in both. */
export const localExposition = (controller: Controller, gateway: Gateway): Operations['metrics'] => {
  const ofController = controllerExposition(controller);
  const ofGateway = gatewayExposition(gateway);
  return async () => {
    const { contentType, body } = await ofController();
    return { contentType, body: `${body}\n${(await ofGateway()).body}` };
  };
};
