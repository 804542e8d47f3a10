/**
 * The least that a proxy in Node can cost: `floor.ts PORT:TO...` joins every connection to PORT with one of its own to TO and passes bytes on as they
 * come. It reads no HTTP. Ends with its standard input.
 */
import { connect, createServer } from 'node:net';

process.stdin.on('end', () => process.exit()).resume();
for (const pair of process.argv.slice(2)) {
  const [port, to] = pair.split(':').map(Number);
  createServer({ noDelay: true }, (client) => {
    const origin = connect({ host: '127.0.0.1', port: to ?? 0, noDelay: true });
    client.on('error', () => origin.destroy()).on('close', () => origin.destroy());
    origin.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.pipe(origin).pipe(client);
  }).listen({ host: '127.0.0.1', port, backlog: 4096 });
}
