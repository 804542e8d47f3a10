import type { Gateway } from '../../gateway/index.ts';
import { createGatewayInstruments, Exposition } from '../../metrics/index.ts';
import type { Controller } from '../controller/controller.ts';
import type { Operations } from './operations-server.ts';
import { processFigures } from './process-figures.ts';

/** A gateway, and how many links to controllers it has; undefined where its routes come from a file. */
export interface ExposedGateway {
  readonly gateway: Gateway;
  controllersLinked(): number | undefined;
}

/** Whose process is another's too is told of there. */
const instrumentsOf = (running: ExposedGateway, ownsProcess: boolean): Operations['metrics'] => {
  const instruments = createGatewayInstruments(() => {
    const linked = running.controllersLinked();
    return {
      ...running.gateway.counters,
      ...(linked === undefined ? {} : { controllersLinked: linked }),
      ...(ownsProcess ? { process: processFigures() } : {}),
    };
  });
  return (format) => instruments.expose(format);
};

/** What `/metrics` of a gateway says. */
export const gatewayExposition = (gateway: ExposedGateway): Operations['metrics'] => instrumentsOf(gateway, true);

/** What `/metrics` of a controller says. */
export const controllerExposition =
  ({ instruments }: Controller): Operations['metrics'] =>
  (format) =>
    instruments.expose(format);

/** Both, one after the other: no metric is in both. */
export const localExposition = (controller: Controller, gateway: ExposedGateway): Operations['metrics'] => {
  const ofController = controllerExposition(controller);
  const ofGateway = instrumentsOf(gateway, false);
  return async (format) => Exposition.together(format, [await ofController(format), await ofGateway(format)]);
};
