import { isIPv4, SocketAddress } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { readProxyHeader } from './header.ts';

/** The grammar of https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt: what is of it is read, the rest is refused, however it is split. */

/** Titles keep no white space. */
const shown = (line: string): string => JSON.stringify(line).replaceAll(' ', '·');
const text = (line: string): Buffer => Buffer.from(line, 'latin1');
const signature = text('\r\n\r\n\0\r\nQUIT\n');
const binary = (command: number, family: number, block: Buffer, length = block.length): Buffer =>
  Buffer.concat([signature, Buffer.from([command, family, length >> 8, length & 0xff]), block]);
const v4 = Buffer.from([192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x01, 0xbb]);
const v6 = Buffer.concat([Buffer.from('20010db8000000000000000000000001', 'hex'), Buffer.alloc(16), Buffer.from([0x30, 0x39, 0x01, 0xbb])]);
const tlv = (type: number, value: Buffer): Buffer => Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]);

const reads = test.macro({
  exec: (t: ExecutionContext, bytes: Buffer, source: string | undefined) => {
    t.deepEqual(readProxyHeader(Buffer.concat([bytes, text('GET /')])), { source, length: bytes.length });
    for (let length = 0; length < bytes.length; length += 1) t.is(readProxyHeader(bytes.subarray(0, length)), 'more', String(length));
  },
  title: (given) => `is read, and not before it is whole: ${given ?? ''}`,
});
const refuses = test.macro({
  exec: (t: ExecutionContext, bytes: Buffer) => {
    t.is(readProxyHeader(bytes), 'malformed');
    t.is(readProxyHeader(Buffer.concat([bytes, Buffer.alloc(70_000)])), 'malformed');
  },
  title: (given) => `is refused: ${given ?? ''}`,
});

const lines: readonly (readonly [string, string | undefined])[] = [
  ['PROXY TCP4 192.0.2.1 198.51.100.2 12345 443', '192.0.2.1'],
  ['PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535', '255.255.255.255'],
  ['PROXY TCP4 0.0.0.0 0.0.0.0 0 0', '0.0.0.0'],
  ['PROXY TCP6 2001:db8::1 ::1 12345 443', '2001:db8::1'],
  ['PROXY TCP6 2001:0DB8:0000:0000:0000:0000:0000:0001 ::1 1 1', '2001:db8::1'],
  ['PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['PROXY TCP6 ::ffff:192.0.2.1 ::1 1 1', '192.0.2.1'],
  ['PROXY TCP6 ::ffff:c000:201 ::1 1 1', '192.0.2.1'],
  ['PROXY UNKNOWN', undefined],
  ['PROXY UNKNOWN ', undefined],
  ['PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535', undefined],
  ['PROXY UNKNOWN what\0ever  it \xff says', undefined],
];
for (const [line, source] of lines) test(shown(line), reads, text(`${line}\r\n`), source);

const blocks: Readonly<Record<string, readonly [Buffer, string | undefined]>> = {
  'TCP over IPv4': [binary(0x21, 0x11, v4), '192.0.2.1'],
  'TCP over IPv6': [binary(0x21, 0x21, v6), '2001:db8::1'],
  'an IPv4 address as an IPv6 one': [binary(0x21, 0x21, Buffer.concat([Buffer.from('00000000000000000000ffffc0000201', 'hex'), v6.subarray(16)])), '192.0.2.1'],
  'TLVs, known or not, empty or not': [
    binary(0x21, 0x11, Buffer.concat([v4, tlv(0x01, text('h2')), tlv(0x03, Buffer.alloc(4)), tlv(0x04, Buffer.alloc(0)), tlv(0xee, Buffer.alloc(300))])),
    '192.0.2.1',
  ],
  'TLVs behind IPv6 addresses': [binary(0x21, 0x21, Buffer.concat([v6, tlv(0x20, Buffer.alloc(5))])), '2001:db8::1'],
  LOCAL: [binary(0x20, 0x00, Buffer.alloc(0)), undefined],
  'LOCAL with addresses, which do not count': [binary(0x20, 0x11, v4), undefined],
  'LOCAL with a family that is none and a block that is nonsense': [binary(0x20, 0xff, Buffer.alloc(7, 0xff)), undefined],
  'no family': [binary(0x21, 0x00, Buffer.alloc(0)), undefined],
  'no family, with a TLV': [binary(0x21, 0x00, tlv(0x05, text('id'))), undefined],
  'datagrams over IPv4': [binary(0x21, 0x12, v4), undefined],
  'datagrams over IPv6': [binary(0x21, 0x22, v6), undefined],
  'a UNIX stream': [binary(0x21, 0x31, Buffer.alloc(216)), undefined],
  'UNIX datagrams': [binary(0x21, 0x32, Buffer.alloc(216)), undefined],
  'a header of 16 KiB': [binary(0x21, 0x11, Buffer.concat([v4, tlv(0x04, Buffer.alloc(16 * 1024 - 16 - 12 - 3))])), '192.0.2.1'],
};
for (const [what, [bytes, source]] of Object.entries(blocks)) test(`version 2: ${what}`, reads, bytes, source);

const malformedLines = [
  'GET / HTTP/1.1',
  'proxy TCP4 192.0.2.1 198.51.100.2 1 2',
  'PROXY\tTCP4 192.0.2.1 198.51.100.2 1 2',
  'PROXY  TCP4 192.0.2.1 198.51.100.2 1 2',
  'PROXY TCP4  192.0.2.1 198.51.100.2 1 2',
  'PROXY TCP4 192.0.2.1\t198.51.100.2 1 2',
  'PROXY TCP4 192.0.2.1 198.51.100.2 1 2 ',
  'PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3',
  'PROXY TCP4 192.0.2.1 198.51.100.2 1',
  'PROXY TCP4 192.0.2.1 198.51.100.2',
  'PROXY TCP4',
  'PROXY ',
  'PROXY tcp4 192.0.2.1 198.51.100.2 1 2',
  'PROXY TCP5 192.0.2.1 198.51.100.2 1 2',
  'PROXY UDP4 192.0.2.1 198.51.100.2 1 2',
  'PROXY UNKNOWNX',
  'PROXY TCP4 192.0.2.256 198.51.100.2 1 2',
  'PROXY TCP4 192.0.2 198.51.100.2 1 2',
  'PROXY TCP4 192.0.2.01 198.51.100.2 1 2',
  'PROXY TCP4 192.0.2.1 198.51.100.256 1 2',
  'PROXY TCP4 2001:db8::1 ::1 1 2',
  'PROXY TCP6 192.0.2.1 198.51.100.2 1 2',
  'PROXY TCP6 2001:db8::1::2 ::1 1 2',
  'PROXY TCP6 2001:db8::g ::1 1 2',
  'PROXY TCP6 fe80::1%eth0 ::1 1 2',
  'PROXY TCP6 [2001:db8::1] ::1 1 2',
  'PROXY TCP4 192.0.2.1 198.51.100.2 65536 2',
  'PROXY TCP4 192.0.2.1 198.51.100.2 01 2',
  'PROXY TCP4 192.0.2.1 198.51.100.2 -1 2',
  'PROXY TCP4 192.0.2.1 198.51.100.2 +1 2',
  'PROXY TCP4 192.0.2.1 198.51.100.2 1.0 2',
  'PROXY TCP4 192.0.2.1 198.51.100.2 0x1 2',
  'PROXY TCP4 192.0.2.1 198.51.100.2 1 ',
  'PROXY TCP4 192.0.2.1 198.51.100.2 1 2\0x',
];
for (const line of malformedLines) test(shown(line), refuses, text(`${line}\r\n`));
const good = 'PROXY TCP4 192.0.2.1 198.51.100.2 1 2';
test('a line that ends in LF alone', refuses, text(`${good}\n`));
test('a line with CR alone in it', refuses, text(`${good}\r `));
test('a line that begins with its end', refuses, text(`\r\n${good}\r\n`));
test('a line of 108 bytes', refuses, text(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`));
test('107 bytes without an end', refuses, text(`PROXY UNKNOWN ${'x'.repeat(93)}`));
test('106 bytes and a CR', refuses, text(`PROXY UNKNOWN ${'x'.repeat(92)}\r`));
test('a line of 107 bytes', reads, text(`PROXY UNKNOWN ${'x'.repeat(91)}\r\n`), undefined);
test('a TLS record', refuses, Buffer.from([22, 3, 1, 2, 0, 1]));

const malformedBlocks: Readonly<Record<string, Buffer>> = {
  'another signature': Buffer.concat([text('\r\n\r\n\0\r\nQUIT\r'), Buffer.from([0x21, 0x11, 0, 12]), v4]),
  'version 1 in binary': binary(0x11, 0x11, v4),
  'version 3': binary(0x31, 0x11, v4),
  'a command that is none': binary(0x22, 0x11, v4),
  'a family that is none': binary(0x21, 0x41, v4),
  'a transport that is none': binary(0x21, 0x13, v4),
  'a transport without a family': binary(0x21, 0x01, v4),
  'a family without a transport': binary(0x21, 0x10, v4),
  'too short for IPv4': binary(0x21, 0x11, v4.subarray(0, 11)),
  'too short for IPv6': binary(0x21, 0x21, v6.subarray(0, 35)),
  'too short for UNIX': binary(0x21, 0x31, Buffer.alloc(215)),
  'too short for datagrams': binary(0x21, 0x12, Buffer.alloc(0)),
  'a TLV that is longer than the header': binary(0x21, 0x11, Buffer.concat([v4, Buffer.from([4, 0, 2, 0])])),
  'a TLV without its length': binary(0x21, 0x11, Buffer.concat([v4, Buffer.from([4])])),
  'half a length behind a TLV': binary(0x21, 0x11, Buffer.concat([v4, tlv(4, Buffer.alloc(2)), Buffer.from([4, 0])])),
  'a TLV that is too long without a family': binary(0x21, 0x00, Buffer.from([4, 0, 1])),
  'longer than 16 KiB': binary(0x20, 0x00, Buffer.alloc(0), 16 * 1024 - 15),
};
for (const [what, bytes] of Object.entries(malformedBlocks)) test(`version 2: ${what}`, refuses, bytes);

test('what cannot become a header is told with its first wrong byte', (t) => {
  for (const start of ['G', 'PROXX', 'PROXYx', '\r\n\r\n\0\r\nQUIX', '\r\n\r\n\0\r\nQUIT\n\x12', '\r\n\r\n\0\r\nQUIT\n\x22'])
    t.is(readProxyHeader(text(start)), 'malformed', start);
});

const port = fc.nat(65_535);
/** What a balancer prints is read as what it was, in both versions. */
test('reading is the reverse of printing', (t) => {
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((ip) => !ip.includes('.')),
  );
  fc.assert(
    fc.property(
      address,
      port,
      port,
      fc.array(fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 40 })), { maxLength: 5 }),
      fc.boolean(),
      (ip, from, to, tlvs, upper) => {
        const family = isIPv4(ip) ? 'ipv4' : 'ipv6';
        const canonical = new SocketAddress({ address: ip, family }).address;
        const expected = canonical.replace(/^::ffff:(?=\d+\.)/, '');
        const line = text(`PROXY ${family === 'ipv4' ? 'TCP4' : 'TCP6'} ${upper ? ip.toUpperCase() : ip} ${ip} ${from} ${to}\r\n`);
        t.deepEqual(readProxyHeader(line), { source: expected, length: line.length });
        const raw =
          family === 'ipv4'
            ? Buffer.from(ip.split('.').map(Number))
            : Buffer.from(
                groupsOf(ip)
                  .map((group) => group.padStart(4, '0'))
                  .join(''),
                'hex',
              );
        const block = Buffer.concat([
          raw,
          raw,
          Buffer.from([from >> 8, from & 0xff, to >> 8, to & 0xff]),
          ...tlvs.map(([type, value]) => tlv(type, Buffer.from(value))),
        ]);
        const header = binary(0x21, family === 'ipv4' ? 0x11 : 0x21, block);
        t.deepEqual(readProxyHeader(header), { source: expected, length: header.length });
      },
    ),
  );
});

/** Of an IPv6 address in hexadecimal, all eight. */
const groupsOf = (ip: string): readonly string[] => {
  const [before = '', after] = ip.split('::');
  const [left, right] = [before, after ?? ''].map((half) => (half === '' ? [] : half.split(':')));
  const [head, tail] = [left ?? [], right ?? []];
  return after === undefined ? head : [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => '0'), ...tail];
};

test('no bytes, and no way to split them, are read differently; what is read is never longer than what came', (t) => {
  const start = fc.constantFrom(
    Buffer.alloc(0),
    text('PROXY '),
    text('PROXY TCP4 '),
    text(good),
    signature,
    binary(0x21, 0x11, v4),
    binary(0x21, 0x11, v4, 40),
  );
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), (head, tail) => {
      const bytes = Buffer.concat([head, tail]);
      const whole = readProxyHeader(bytes);
      if (typeof whole === 'object') t.true(whole.length <= bytes.length);
      for (let length = 0; length < bytes.length; length += 1) {
        const part = readProxyHeader(bytes.subarray(0, length));
        if (part !== 'more') return t.deepEqual(part, whole);
      }
      return t.pass();
    }),
  );
});
