/**
 * The least that a proxy in Node can cost: `floor.ts PORT:TO...` joins every connection to PORT with one of its own to TO and passes bytes on as they
 * come. It reads no HTTP. Ends with its standard input.
 */
import { connect, createServer, type Socket } from 'node:net';

const pass = (from: Socket, to: Socket): void => {
  from.on('data', (chunk) => {
    if (to.write(chunk)) return;
    from.pause();
    to.once('drain', () => from.resume());
  });
  from.on('end', () => to.end());
  from.on('error', () => undefined);
  // What was written before an orderly end still goes out.
  from.on('close', () => {
    if (!to.writableEnded) to.destroy();
  });
};

process.stdin.on('end', () => process.exit()).resume();
for (const pair of process.argv.slice(2)) {
  const [port, to] = pair.split(':').map(Number);
  createServer({ noDelay: true }, (client) => {
    const origin = connect({ host: '127.0.0.1', port: to ?? 0, noDelay: true });
    pass(client, origin);
    pass(origin, client);
  }).listen({ host: '127.0.0.1', port, backlog: 4096 });
}
