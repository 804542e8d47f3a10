/** `handshake-client.ts PORT AT_A_TIME SECONDS`: GETs over HTTPS, each over a new connection with a whole handshake (no session is resumed), and prints a `Load`. */
import { connect } from 'node:tls';
import { percentile } from '../../statistics.ts';
import type { Load } from '../load.ts';
import { resources, tlsHost } from '../origin.ts';

const [port = 0, atATime = 0, seconds = 0] = process.argv.slice(2).map(Number);
const request = `GET ${resources.hello.path} HTTP/1.1\r\nHost: ${tlsHost}\r\nConnection: close\r\n\r\n`;
const times: number[] = [];
const errors: Record<string, number> = {};

const once = (): Promise<string | undefined> =>
  new Promise((resolve) => {
    let answer = '';
    // Whose certificate it is has been looked at before the load.
    const socket = connect({ host: '127.0.0.1', port, servername: tlsHost, rejectUnauthorized: false }, () => socket.write(request));
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
    socket.on('end', () => resolve(answer.startsWith('HTTP/1.1 200 ') && answer.endsWith('\r\n\r\nhello world\n') ? undefined : 'status'));
    socket.on('error', () => resolve('closed'));
  });

const begun = performance.now();
const until = begun + seconds * 1000;
const askOn = async (): Promise<void> => {
  while (performance.now() < until) {
    const from = performance.now();
    const problem = await once();
    times.push(performance.now() - from);
    if (problem !== undefined) errors[problem] = (errors[problem] ?? 0) + 1;
  }
};
await Promise.all(Array.from({ length: atATime }, askOn));
const load: Load = {
  requests: times.length,
  seconds: (performance.now() - begun) / 1000,
  p50Ms: percentile(times, 0.5),
  p99Ms: percentile(times, 0.99),
  errors,
};
console.log(JSON.stringify(load));
process.exit();
