import type { Readable, Writable } from 'node:stream';

/** Passes on what `from` says in whole lines: where several say something, no line of one is in a line of another. While `to` takes nothing, nothing is read. */
export const passLines = (from: Readable, to: Writable): void => {
  let begun: Buffer = Buffer.alloc(0);
  from.on('data', (chunk: Buffer) => {
    const end = chunk.lastIndexOf('\n') + 1;
    if (end === 0) {
      begun = Buffer.concat([begun, chunk]);
      return;
    }
    const whole = begun.length === 0 ? chunk.subarray(0, end) : Buffer.concat([begun, chunk.subarray(0, end)]);
    begun = Buffer.from(chunk.subarray(end));
    if (to.write(whole)) return;
    from.pause();
    to.once('drain', () => from.resume());
  });
};
