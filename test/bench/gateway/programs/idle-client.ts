/**
 * `idle-client.ts PORT CONNECTIONS`: opens keep-alive connections, has one answer on each, says how many had one and keeps them without a word until its
 * standard input ends.
 */
import { resources } from '../origin.ts';
import { KeepAliveConnection } from './keep-alive-connection.ts';

const [port = 0, connections = 0] = process.argv.slice(2).map(Number);
const atOnce = 100;

process.stdin.on('end', () => process.exit()).resume();

let left = connections;
let answered = 0;

/** Opens one connection after the other. */
const work = async (): Promise<void> => {
  while (left > 0) {
    left -= 1;
    const problem = await new Promise<string | undefined>((resolve) => {
      new KeepAliveConnection(port, resources.hello.path, resolve).send();
    });
    if (problem === undefined) answered += 1;
  }
};

await Promise.all(Array.from({ length: atOnce }, work));
console.log(answered);
