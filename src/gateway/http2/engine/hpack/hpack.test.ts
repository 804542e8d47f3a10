import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { ByteBuffer } from '../byte-buffer.ts';
import { kinds } from '../field-kinds.ts';
import { Decoder } from './decoder.ts';
import { Encoder } from './encoder.ts';
import { huffmanDecode, huffmanEncode, huffmanLength } from './huffman.ts';
import { staticNames, staticValues } from './static-table.ts';

const listSize = 32 * 1024;
const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const decode = (decoder: Decoder, bytes: Buffer): readonly string[] | string => {
  const result = decoder.decode(bytes, 0, bytes.length);
  return result === 'ok' ? decoder.fields : result;
};
const encode = (encoder: Encoder, fields: readonly string[], sensitive: readonly string[] = []): Buffer => {
  const into = new ByteBuffer(Buffer.alloc(1));
  encoder.encode(fields, new Set(sensitive), into);
  return into.bytes.subarray(0, into.length);
};

/** The examples of RFC 7541 Appendix C: blocks of one connection, and what each holds. */
const example = test.macro({
  exec: (t: ExecutionContext, blocks: readonly (readonly [hex: string, fields: readonly string[]])[], tableSize: string = '') => {
    const decoder = new Decoder(listSize);
    blocks.forEach(([hex, fields], at) => t.deepEqual(decode(decoder, bytesOf(at === 0 ? tableSize + hex : hex)), fields));
  },
  title: (section) => `RFC 7541 ${section ?? ''}`,
});

test('C.2.1: a literal that is kept', example, [['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', ['custom-key', 'custom-header']]]);
test('C.2.2: one that is not', example, [['040c 2f73 616d 706c 652f 7061 7468', [':path', '/sample/path']]]);
test('C.2.3: one that never is', example, [['1008 7061 7373 776f 7264 0673 6563 7265 74', ['password', 'secret']]]);
test('C.2.4: an indexed one', example, [['82', [':method', 'GET']]]);

const get = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];
const requests = [
  get,
  [...get, 'cache-control', 'no-cache'],
  [':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com', 'custom-key', 'custom-value'],
] as const;
test('C.3: requests', example, [
  ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', requests[0]],
  ['8286 84be 5808 6e6f 2d63 6163 6865', requests[1]],
  ['8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65', requests[2]],
]);
test('C.4: requests in Huffman code', example, [
  ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', requests[0]],
  ['8286 84be 5886 a8eb 1064 9cbf', requests[1]],
  ['8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf', requests[2]],
]);

const dates = ['Mon, 21 Oct 2013 20:13:21 GMT', 'Mon, 21 Oct 2013 20:13:22 GMT'] as const;
const answer = (status: string, date: string): string[] => [':status', status, 'cache-control', 'private', 'date', date, 'location', 'https://www.example.com'];
const cookie = ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'];
const answers = [answer('302', dates[0]), answer('307', dates[0]), [...answer('200', dates[1]), 'content-encoding', 'gzip', ...cookie]] as const;
/** A table of 256 bytes. */
const small = '3fe101';
test(
  'C.5: answers, with evictions',
  example,
  [
    [
      '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      answers[0],
    ],
    ['4803 3330 37c1 c0bf', [':status', '307', ...answers[1].slice(2)]],
    [
      '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
      answers[2],
    ],
  ],
  small,
);
test(
  'C.6: answers in Huffman code',
  example,
  [
    ['4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3', answers[0]],
    ['4883 640e ffc1 c0bf', answers[1]],
    [
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      answers[2],
    ],
  ],
  small,
);

const broken = test.macro({
  exec: (t, hex: string) => t.is(decode(new Decoder(listSize), bytesOf(hex)), 'broken'),
  title: (title) => `nothing can be read behind ${title ?? ''}`,
});
test('index 0', broken, '80');
test('an index behind the table', broken, 'be');
test('a name with an index behind the table', broken, '7e 01 61');
test('a size of the table above what we keep', broken, '3f e2 1f');
test('a change of its size behind a field', broken, '82 20');
test('a name that is cut off', broken, '40 05 61');
test('a value that is missing', broken, '40 01 61');
test('an integer without an end', broken, 'ff 80 80 80 80 80 80 80 80 80 01');
test('an integer that is cut off', broken, 'ff');
test('padding of a byte', broken, '00 01 61 83 1f ff ff');
test('padding with zeros', broken, '00 01 61 81 18');
test('the end of string within one', broken, '00 01 61 84 ff ff ff ff');

test('what was marked as never to be kept is told, and marked when it goes on', (t) => {
  const decoder = new Decoder(listSize);
  decode(decoder, bytesOf('1008 7061 7373 776f 7264 0673 6563 7265 74 82'));
  t.deepEqual([...decoder.sensitive], ['password']);
  const encoder = new Encoder();
  for (let time = 0; time < 3; time += 1) {
    t.is((encode(encoder, ['password', 'secret'], ['password'])[0] ?? 0) & 0xf0, 0x10);
    t.is((encode(encoder, ['authorization', 'Bearer x'])[0] ?? 0) & 0xf0, 0x10);
    t.is((encode(encoder, ['cookie', 'a=b'])[0] ?? 0) & 0xf0, 0x10);
  }
});

test('a list that is too long is told, and the next one is read all the same', (t) => {
  const decoder = new Decoder(100);
  const long = Buffer.concat([bytesOf('40 01 61 7f 01'), Buffer.alloc(128, 'v')]);
  t.is(decode(decoder, long), 'large');
  t.deepEqual(decode(decoder, bytesOf('82')), [':method', 'GET']);
  t.is(decode(decoder, bytesOf('be')), 'large');
});

test('what pairs of the static table cost is one byte, and so does what comes for the third time', (t) => {
  const encoder = new Encoder();
  staticNames.forEach((name, index) => {
    const value = staticValues[index] ?? '';
    if (value !== '') t.deepEqual([...encode(encoder, [name, value])], [0x80 | index]);
  });
  const fields = ['content-type', 'application/grpc', 'user-agent', 'grpc-go/1.85.0', 'x-own', 'value'];
  t.true(encode(encoder, fields).length > 20);
  t.true(encode(encoder, fields).length > 20);
  t.is(encode(encoder, fields).length, 3);
});

test('forty fields that come with every request cost a few bytes each at most', (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 35 ** 6 }), { minLength: 40, maxLength: 40 }), (names) => {
      const encoder = new Encoder();
      const fields = names.flatMap((name, at) => [`x-${name.toString(36)}`, `v${at % 3}`]);
      for (let time = 0; time < 6; time += 1) encode(encoder, fields);
      t.true(encode(encoder, fields).length < 160);
    }),
  );
});

test('ids that never come again push nothing out of the table', (t) => {
  const encoder = new Encoder();
  encode(encoder, ['user-agent', 'probe']);
  encode(encoder, ['user-agent', 'probe']);
  for (let n = 0; n < 1000; n += 1) encode(encoder, ['x-request-id', `id-${n}`]);
  t.is(encode(encoder, ['user-agent', 'probe']).length, 1);
});

const kindsOf = (...fields: readonly string[]): number[] => {
  const decoder = new Decoder(listSize);
  decode(decoder, encode(new Encoder(), fields));
  return [...decoder.kinds.subarray(0, fields.length / 2)];
};

test('each field is told by its kind', (t) => {
  t.deepEqual(kindsOf(':method', 'GET', ':path', '/x', 'content-length', '3', 'a', 'b', 'te', 'trailers'), [
    kinds.method,
    kinds.path,
    kinds.contentLength,
    kinds.regular,
    kinds.regular,
  ]);
  const bad = ['A', 'x', 'a b', 'x', '', 'x', ':other', 'x', 'connection', 'close', 'upgrade', 'h', 'te', 'gzip', 'a', 'x\ny', 'a', '\0', 'a', ' x', 'a', 'x '];
  t.true(kindsOf(...bad).every((kind) => kind === kinds.malformed));
});

const latin1 = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 80 }).map((codes) => String.fromCharCode(...codes));

test('what was put into Huffman code comes out of it', (t) => {
  fc.assert(
    fc.property(latin1, (text) => {
      const into = Buffer.alloc(600);
      const end = huffmanEncode(text, into, 3);
      t.is(end - 3, huffmanLength(text));
      const back = Buffer.alloc(600);
      t.is(back.toString('latin1', 0, huffmanDecode(into, 3, end, back)), text);
    }),
  );
});

const word = fc.constantFrom('a', 'b', 'x-long-name', 'accept', 'te', ':path', 'authorization', 'etag', 'zz');
const section = fc.array(fc.tuple(word, fc.oneof(word, latin1, fc.constant('v'.repeat(900)))), { maxLength: 12 });
const step = fc.record({ section, size: fc.option(fc.constantFrom(0, 31, 64, 100, 256, 1000, 4096, 65_536), { freq: 6 }), again: fc.boolean() });

test('what was encoded is decoded, whatever comes again and however the table shrinks and grows', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const [encoder, decoder] = [new Encoder(), new Decoder(1 << 20)];
      for (const { section: pairs, size, again } of steps) {
        if (size !== null) encoder.tableSize = size;
        const fields = pairs.flat();
        for (let times = again ? 3 : 1; times > 0; times -= 1) {
          const read = decode(decoder, encode(encoder, fields));
          if (JSON.stringify(read) !== JSON.stringify(fields)) throw new Error(`${JSON.stringify(read)} for ${JSON.stringify(fields)}`);
        }
      }
    }),
  );
  t.pass();
});
