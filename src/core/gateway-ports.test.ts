import test from 'ava';
import fc from 'fast-check';
import { parseGatewayPorts, printGatewayPorts } from './gateway-ports.ts';

const port = fc.integer({ min: 1, max: 65535 });

test('law: parsing what was printed gives the same ports', (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(port, port), { selector: ([service]) => service, minLength: 1, maxLength: 20 }), (pairs) => {
      const ports = new Map(pairs);
      const parsed = parseGatewayPorts(printGatewayPorts(ports));
      // Two Service ports may not share a gateway port: that is the one thing that is printed and not read.
      if (new Set(ports.values()).size < ports.size) t.false(parsed.ok);
      else t.deepEqual(parsed, { ok: true, value: new Map([...ports].sort(([a], [b]) => a - b)) });
    }),
  );
});

for (const text of [
  '',
  '80',
  '80=',
  '=20000',
  '80=20000,',
  '80=0',
  '80=65536',
  '80=20000,80=20001',
  '80=20000,81=20000',
  'http=20000',
  '80 = 20000',
  '1e3=20000',
])
  test(`"${text}" is refused with a sentence`, (t) => {
    const parsed = parseGatewayPorts(text);
    t.false(parsed.ok);
    if (!parsed.ok) t.regex(parsed.problem, /^rouse\.dev\/gateway-ports: /);
  });
