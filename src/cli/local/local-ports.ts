import { createServer } from 'node:net';
import { rangeAllotter, type PortAllotter } from '../../routing/index.ts';

/** Gateway ports on this machine: the usual range, without what other programs use. */
export const freePortAllotter = (host: string): PortAllotter => {
  const range = rangeAllotter();
  return {
    allot: async (taken) => {
      const passed = new Set(taken);
      for (;;) {
        const port = await range.allot(passed);
        if (port === undefined || (await isFree(host, port))) return port;
        passed.add(port);
      }
    },
  };
};

const isFree = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
