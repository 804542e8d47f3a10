import { createSocket } from 'node:dgram';

/** Addresses of 127.0.0.0/8 that nobody else on this machine uses as long as they are held. */
export interface OwnLoopback {
  /** Of that number, from 0. Outside Linux, where only 127.0.0.1 can be bound, always that one. */
  address(number: number): string;
  release(): Promise<void>;
}

/** Whoever holds this UDP port of a network's first address has the whole network; the kernel drops it with the process. */
const lockPort = 7_777;

const lock = (address: string): Promise<(() => Promise<void>) | undefined> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', (failure: NodeJS.ErrnoException) => {
      socket.close();
      if (failure.code === 'EADDRINUSE') resolve(undefined);
      else reject(failure);
    });
    socket.bind({ port: lockPort, address, exclusive: true }, () => {
      socket.unref();
      resolve(() => new Promise((closed) => socket.close(closed)));
    });
  });

/**
 * A network 127.77.N.0/24. Gateways of every cluster begin with the same ports, so those of two clusters on one address would take them from each other,
 * and a gateway that cannot open a port is rightly no endpoint.
 */
export const ownLoopback = async (): Promise<OwnLoopback> => {
  if (process.platform !== 'linux') return { address: () => '127.0.0.1', release: () => Promise.resolve() };
  for (let network = 0; network < 256; network += 1) {
    const release = await lock(`127.77.${network}.1`);
    if (release !== undefined) return { address: (number) => `127.77.${network}.${2 + number}`, release };
  }
  throw new Error('every network of 127.77.0.0/16 is in use');
};
