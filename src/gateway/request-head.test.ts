import type { IncomingMessage } from 'node:http';
import test from 'ava';
import fc from 'fast-check';
import { hopByHop, Head } from './http1/request-head.ts';

const head = (rawHeaders: string[], url = '/'): Head => {
  const read = Head.read({ rawHeaders, url, httpVersionMajor: 1, httpVersionMinor: 1, httpVersion: '1.1' } as unknown as IncomingMessage);
  if (!read.ok) throw new Error(read.problem.detail);
  return read.value;
};
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
  'Expect',
  'X-Forwarded-For',
  'Forwarded',
  'Content-Length',
);
const values = fc.constantFrom('x-a', 'close, x-b', 'trailers', 'content-length, host', '7', 'websocket', '');

test('whatever a client sends, no hop-by-hop header and nothing that Connection names reaches a pod, and Host and length always do', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(names, values), { maxLength: 12 }), fc.boolean(), (headers, edge) => {
      const raw = ['Host', 'a.example', ...headers.flat()];
      const sent = head(raw).forUpstream('1.2.3.4', edge);
      const named = headers.filter(([name]) => name === 'Connection').flatMap(([, value]) => value.split(',').map((token) => token.trim()));
      const lower = sent.filter((_part, index) => index % 2 === 0).map((name) => name.toLowerCase());
      return (
        sent.length % 2 === 0 &&
        lower.every((name) => name === 'te' || !hopByHop.has(name)) &&
        lower.every((name) => !named.includes(name) || name === 'host' || name === 'content-length') &&
        lower.filter((name) => name === 'host').length === 1 &&
        lower.filter((name) => name === 'x-forwarded-for').length === 1 &&
        (!edge || !lower.includes('forwarded')) &&
        headers.filter(([name]) => name === 'Content-Length').length === lower.filter((name) => name === 'content-length').length
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
    t.is(head(['Host', given]).host, host);
});
