import test from 'ava';
import { until } from '../../support/gateway-rig.ts';
import { readAnswer, readHead, valuesOf } from '../../support/raw-message.ts';
import { startScene } from '../../support/scripted-origin.ts';
import type { Wire } from '../../support/wire.ts';

const pieces = Array.from({ length: 30 }, (_, index) => `piece ${String(index).padStart(3, '0')}`);
const size = pieces.join('').length;
/** The data of a chunk as soon as it is there: its end may come with the next. */
const beginChunk = async (wire: Wire): Promise<string> => wire.take(parseInt(await wire.until('\r\n'), 16));
const inChunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
for (const up of ['length', 'chunked'] as const)
  for (const down of ['length', 'chunked', 'close'] as const)
    test(`both directions flow at once: each piece of an upload (${up}) is answered (${down}) before the next is sent`, async (t) => {
      const framing = { length: `Content-Length: ${size}\r\n`, chunked: 'Transfer-Encoding: chunked\r\n', close: '' };
      const { dial } = await startScene(t, async (wire) => {
        const { fields } = await readHead(wire);
        const chunked = valuesOf(fields, 'transfer-encoding').length > 0;
        await wire.send(`HTTP/1.1 200 OK\r\n${framing[down]}\r\n`);
        for (const { length } of pieces) {
          const piece = chunked ? await beginChunk(wire) : await wire.take(length);
          await wire.send(down === 'chunked' ? inChunk(piece) : piece);
          if (chunked) t.is(await wire.take(2), '\r\n');
        }
        if (chunked) t.is(await beginChunk(wire), '');
        if (down === 'chunked') await wire.send('0\r\n\r\n');
        if (down === 'close') wire.finish();
      });
      const client = await dial();
      await client.send(`POST / HTTP/1.1\r\nHost: a\r\n${framing[up]}\r\n`);
      for (const piece of pieces) {
        await client.send(up === 'chunked' ? inChunk(piece) : piece);
        await until(piece, () => client.received.includes(piece));
      }
      if (up === 'chunked') await client.send('0\r\n\r\n');
      t.is((await readAnswer(client)).body, pieces.join(''));
    });
