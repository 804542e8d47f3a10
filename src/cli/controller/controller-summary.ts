import type { ControllerSummary } from '../../api/index.ts';
import type { LinkServer } from '../../link/index.ts';
import type { ControllerOptions } from './controller-options.ts';
import { rouseVersion } from '../version.ts';

interface Parts {
  readonly options: Pick<ControllerOptions, 'identity' | 'placement' | 'clock'>;
  readonly link: Pick<LinkServer, 'gateways' | 'revision'>;
  readonly notReady: () => string | undefined;
}

/** What `GET /controller` says of this replica. */
export const controllerSummary = ({ options, link, notReady }: Parts): (() => ControllerSummary) => {
  return () => {
    const waitsFor = notReady();
    return {
      version: rouseVersion,
      identity: options.identity,
      now: options.clock.now(),
      ...(waitsFor === undefined ? {} : { notReady: waitsFor }),
      placement: options.placement,
      gateways: link.gateways().map(({ id, address, podName, acknowledged, failedPorts = [] }) => ({
        id,
        address,
        ...(podName === undefined ? {} : { podName }),
        upToDate: acknowledged >= link.revision,
        failedPorts,
      })),
    };
  };
};
