/** `traffic.ts PORT TCP_PORT CLIENTS SEED`: asks until its standard input ends. Prints each `Failure` as a line of JSON when it happens, and `Seen` as the last one. */
import { seededRandom } from '../../../../src/core/index.ts';
import { Client } from '../client.ts';
import { Tally } from '../tally.ts';

const [port = 0, tcpPort = 0, clients = 0, seed = 0] = process.argv.slice(2).map(Number);
const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
const told = new AbortController();
process.stdin.on('end', () => told.abort()).resume();

const tally = new Tally((failure) => say({ failure }));
await Promise.all(
  Array.from({ length: clients }, (_, index) => new Client(`c${index}`, { port, tcpPort }, seededRandom(seed + index), tally).run(told.signal)),
);
say({ seen: tally.seen });
process.exit();
