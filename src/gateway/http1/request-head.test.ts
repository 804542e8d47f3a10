import test from 'ava';
import fc from 'fast-check';
import { Head } from './request-head.ts';

const head = (fields: readonly (readonly [string, string])[], requestLine = 'GET / HTTP/1.1'): Head => {
  const read = Head.read(`${requestLine}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
  if (!read.ok) throw new Error(read.problem.detail);
  return read.value;
};
/** Names, in lower case, of the field lines of a printed head. */
const namesIn = (printed: string): readonly string[] =>
  printed
    .split('\r\n')
    .slice(1, -2)
    .map((line) => line.slice(0, line.indexOf(':')).toLowerCase());
const hopByHop = ['connection', 'keep-alive', 'proxy-authorization', 'upgrade', 'trailer', 'expect'];
const names = fc.constantFrom(
  'X-A',
  'x-b',
  'Cookie',
  'Connection',
  'Keep-Alive',
  'TE',
  'Upgrade',
  'Proxy-Authorization',
  'Trailer',
  'X-Forwarded-For',
  'Forwarded',
);
const values = fc.constantFrom('x-a', 'close, x-b', 'trailers', '100-continue', '7', 'websocket', '');

test('whatever a client sends, no hop-by-hop header and nothing that Connection names reaches a pod, and Host always does', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(names, values), { maxLength: 12 }), fc.boolean(), (headers, edge) => {
      const sent = namesIn(head([['Host', 'a.example'], ...headers, ['Expect', '100-continue']]).forUpstream('1.2.3.4', edge, ''));
      const named = headers.filter(([name]) => name === 'Connection').flatMap(([, value]) => value.split(',').map((token) => token.trim()));
      return (
        sent.every((name) => !hopByHop.includes(name)) &&
        sent.every((name) => !named.includes(name)) &&
        sent.filter((name) => name === 'host').length === 1 &&
        sent.filter((name) => name === 'x-forwarded-for').length === 1 &&
        (!edge || !sent.includes('forwarded'))
      );
    }),
  );
  t.pass();
});

test('a host is compared without port, case and final dot', (t) => {
  for (const [given, host] of [
    ['Web.Default.localhost:8080', 'web.default.localhost'],
    ['web.', 'web'],
    ['web.:80', 'web'],
    ['[::1]:8080', '[::1]'],
    ['[::1]', '[::1]'],
    ['', ''],
  ] as const)
    t.is(head([['Host', given]]).host, host);
});
