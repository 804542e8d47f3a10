import test from 'ava';
import fc from 'fast-check';
import { ByteBuffer } from './byte-buffer.ts';
import { ByteQueue } from './byte-queue.ts';
import { errors } from './codes.ts';
import { FrameReader, type FrameSink } from './frames.ts';
import { Streams } from './streams.ts';
import { Stream } from './stream.ts';

class Written implements FrameSink {
  readonly frames: (readonly [type: number, flags: number, stream: number, payload: string])[] = [];
  code: number | undefined;
  #data: [flags: number, stream: number, content: string] | undefined;

  frame(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    this.frames.push([type, flags, stream, bytes.toString('hex', from, to)]);
  }

  dataHead(flags: number, stream: number): void {
    this.#data = [flags, stream, ''];
  }

  data(bytes: Buffer, from: number, to: number, isLast: boolean): void {
    if (this.#data === undefined) throw new Error('DATA without a head');
    this.#data[2] += bytes.toString('hex', from, to);
    if (!isLast) return;
    this.frames.push([0, ...this.#data]);
    this.#data = undefined;
  }

  broken(code: number): void {
    this.code = code;
  }
}

const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const plain = fc
  .record({ type: fc.integer({ min: 0, max: 12 }), flags: fc.constantFrom(0, 1, 4, 5), stream: fc.integer({ min: 0, max: 2 ** 31 - 1 }), payload: bytes })
  .map(({ type, flags, stream, payload }) => ({
    wire: frame(type, flags, stream, payload),
    seen: [type, flags, stream, payload.toString('hex')] as const,
  }));
const padded = fc
  .record({ stream: fc.integer({ min: 1, max: 9 }), payload: bytes, padding: fc.integer({ min: 0, max: 255 }) })
  .map(({ stream, payload, padding }) => ({
    wire: frame(0, 8, stream, Buffer.concat([Buffer.from([padding]), payload, Buffer.alloc(padding)])),
    seen: [0, 8, stream, payload.toString('hex')] as const,
  }));

test('frames are the same in whatever pieces they come', (t) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(plain, padded), { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (frames, cuts) => {
      const wire = Buffer.concat(frames.map((one) => one.wire));
      const written = new Written();
      const reader = new FrameReader(written, false);
      for (let at = 0, n = 0; at < wire.length; n += 1) {
        const end = Math.min(wire.length, at + (cuts[n % cuts.length] ?? 1));
        // What a socket reads into is used again.
        const piece = Buffer.from(wire.subarray(at, end));
        reader.read(piece, 0, piece.length);
        piece.fill(0xff);
        at = end;
      }
      t.deepEqual(
        written.frames,
        frames.map((one) => one.seen),
      );
    }),
  );
});

test('nothing is read behind what is no HTTP/2', (t) => {
  for (const [wire, code] of [
    [frame(1, 0, 1, Buffer.alloc(16_385)), errors.frameSizeError],
    [frame(0, 8, 1, Buffer.alloc(0)), errors.frameSizeError],
    [frame(0, 8, 1, Buffer.from([1])), errors.protocolError],
  ] as const) {
    const written = new Written();
    const reader = new FrameReader(written, false);
    reader.read(Buffer.concat([wire, frame(6, 0, 0, Buffer.alloc(8))]), 0, wire.length + 17);
    t.is(written.code, code);
    t.true(reader.stopped);
    t.deepEqual(written.frames, []);
  }
  const written = new Written();
  new FrameReader(written, true).read(Buffer.from('GET / HTTP/1.1\r\n'), 0, 16);
  t.is(written.code, errors.protocolError);
});

test('a queue gives back what went in, in whatever pieces', (t) => {
  const step = fc.oneof(bytes, fc.integer({ min: 1, max: 5000 }), fc.constant(Buffer.alloc(3000, 'x')));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const [queue, out] = [new ByteQueue(), new ByteBuffer(Buffer.alloc(4))];
      let whole = Buffer.alloc(0);
      for (const one of steps)
        if (typeof one === 'number') queue.moveTo(out, Math.min(one, queue.size));
        else {
          queue.push(one, 0, one.length);
          whole = Buffer.concat([whole, one]);
        }
      t.is(queue.size, whole.length - out.length);
      queue.moveTo(out, queue.size);
      t.true(whole.equals(out.bytes.subarray(0, out.length)));
    }),
  );
});

test('streams are found by their ids, whichever have come and gone', (t) => {
  const step = fc.record({ add: fc.boolean(), id: fc.integer({ min: 0, max: 400 }).map((n) => 2 * n + 1) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const [streams, model] = [new Streams(), new Map<number, Stream>()];
      for (const { add, id } of steps) {
        const known = model.get(id);
        t.is(streams.find(id), known);
        if (add && known === undefined) {
          const stream: Stream = Object.assign(Object.create(Stream.prototype) as Stream, { id });
          model.set(id, stream);
          streams.add(stream);
        } else if (!add && known !== undefined) {
          model.delete(id);
          streams.remove(known);
        }
      }
      t.is(streams.count, model.size);
      t.deepEqual(
        streams
          .list()
          .map(({ id }) => id)
          .sort(),
        [...model.keys()].sort(),
      );
      for (const [id, stream] of model) t.is(streams.find(id), stream);
    }),
  );
});
