import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { messageOf, RouseError } from '../../core/index.ts';
import type { ControllerAddress } from '../../link/index.ts';

/** Every address of a host name. Rejects where there is none. */
type Resolve = (host: string) => Promise<readonly string[]>;

const everyAddress: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/**
 * Where the controllers of `urls` are at the moment: a host name stands for every address that it has (a headless Service names every replica), each
 * checked for that name. A name that cannot be resolved keeps the addresses that it had; rejects where nothing is known at all.
 */
export const controllerAddresses = (urls: readonly string[], resolve: Resolve = everyAddress): (() => Promise<readonly ControllerAddress[]>) => {
  const known = new Map<string, readonly ControllerAddress[]>();
  return async () => {
    const failures: string[] = [];
    for (const url of urls) {
      try {
        known.set(url, await addressesOf(url, resolve));
      } catch (failure) {
        failures.push(messageOf(failure));
      }
    }
    if (known.size === 0) throw new RouseError('controllers-unknown', failures.join('; '));
    return [...known.values()].flat();
  };
};

const addressesOf = async (url: string, resolve: Resolve): Promise<readonly ControllerAddress[]> => {
  const { hostname, protocol } = new URL(url);
  if (protocol !== 'https:' || hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) > 0) return [{ url }];
  return [...new Set(await resolve(hostname))].sort().map((address) => {
    const one = new URL(url);
    one.hostname = isIP(address) === 6 ? `[${address}]` : address;
    return { url: one.href, serverName: hostname };
  });
};
