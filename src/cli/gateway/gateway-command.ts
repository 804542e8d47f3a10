import { hostname } from 'node:os';
import { CommandError, type ExitCode } from '../exit-code.ts';
import type { GatewayFlags } from '../flags.ts';

/** `rouse gateway`: linked to controllers, or stand-alone by a routes file; in this process, or in several that this one watches over. Each loads its own code alone. */
export const runGateway = async (flags: GatewayFlags): Promise<ExitCode> => {
  checkFlags(flags);
  const podName = process.env.POD_NAME ?? hostname();
  return flags.workers === 1
    ? (await import('./single-gateway.ts')).runSingleGateway(flags, podName)
    : (await import('./workers/parent.ts')).runWorkers(flags, podName);
};

const checkFlags = ({ controller, routes }: GatewayFlags): void => {
  if (routes !== undefined && controller !== undefined) throw new CommandError('usage', 'give --controller or --routes, not both');
  if (routes === undefined && controller === undefined)
    throw new CommandError('usage', 'a gateway needs --controller URL (linked) or --routes FILE (stand-alone)');
  for (const url of controller ?? [])
    if (!URL.canParse(url) || !/^https?:/.test(url)) throw new CommandError('usage', `--controller ${url}: want a URL, e.g. https://127.0.0.1:9443`);
};
