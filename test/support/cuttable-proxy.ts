import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A TCP proxy on loopback whose connections can be cut, and which can refuse new ones for a while. */
export interface CuttableProxy {
  readonly port: number;
  /** Resets every connection; until `mend` new ones are reset too. */
  cut(): void;
  /** The connections of now carry nothing any more, and nobody is told; new ones do. */
  silence(): void;
  mend(): void;
  close(): Promise<void>;
}

export const startCuttableProxy = async (target: { readonly host: string; readonly port: number }): Promise<CuttableProxy> => {
  const sockets = new Set<Socket>();
  let isCut = false;
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const server: Server = createServer((client) => {
    if (isCut) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(target);
    track(client);
    track(upstream);
    client.pipe(upstream).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const silence = (): void => {
    for (const socket of sockets) socket.unpipe().on('data', () => undefined);
  };
  return {
    silence,
    port: (server.address() as AddressInfo).port,
    cut,
    mend: () => {
      isCut = false;
    },
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
};
