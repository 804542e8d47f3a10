import { createReadStream, type ReadStream } from 'node:fs';
import { CommandError } from './exit-code.ts';

/** `-` is standard input. */
export const openedFile = (path: string): ReadStream => (path === '-' ? createReadStream('', { fd: 0 }) : createReadStream(path));

/**
 * The text of a file, of a pipe (`<(kubectl get …)`, `-`) or of whatever else can be read to its end. No size is believed: pipes and devices have none, and some
 * never end. What is larger than `most` bytes is a `CommandError` that begins with `what`; other errors are the system's.
 */
export const readBounded = async (path: string, most: number, what: string): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of openedFile(path) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > most) throw new CommandError('usage', `${what} is too large: at most ${String(most / 2 ** 20)} MiB are read`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};
