import { createSecureContext } from 'node:tls';
import test from 'ava';
import { instant } from '../../core/index.ts';
import { Certificates } from './certificates.ts';
import type { KeyPair } from './key-pair.ts';

const pairFor = (names: readonly string[], notAfter = 1): KeyPair => ({
  names,
  notBefore: instant(0),
  notAfter: instant(notAfter),
  options: {},
  context: createSecureContext(),
});

test('an exact name counts before a wildcard, which stands for one label; case does not count', (t) => {
  const [exact, wildcard, other] = [pairFor(['a.example.org', 'example.org']), pairFor(['*.example.org']), pairFor(['*.b.example.org'])];
  const certificates = new Certificates();
  certificates.use([wildcard, exact, other], undefined);
  for (const [name, pair] of [
    ['a.example.org', exact],
    ['A.Example.ORG', exact],
    ['example.org', exact],
    ['b.example.org', wildcard],
    ['a.b.example.org', other],
    ['c.a.example.org', undefined],
    ['org', undefined],
    ['.example.org', undefined],
    ['*.example.org', wildcard],
    ['', undefined],
  ] as const)
    t.is(certificates.find(name), pair?.context, name);
});

test('of two certificates for a name the one that is good for longer is served, whichever comes first', (t) => {
  const [old, young] = [pairFor(['a.example', '*.a.example'], 1), pairFor(['a.example', '*.a.example'], 2)];
  for (const pairs of [
    [old, young],
    [young, old],
  ]) {
    const certificates = new Certificates();
    certificates.use(pairs, undefined);
    t.is(certificates.find('a.example'), young.context);
    t.is(certificates.find('b.a.example'), young.context);
  }
});

test('a swap is told, and nothing of what was before is left', (t) => {
  const certificates = new Certificates();
  let told = 0;
  certificates.changed = () => (told += 1);
  const first = pairFor(['a.example']);
  certificates.use([first], first);
  certificates.use([pairFor(['b.example'])], undefined);
  t.is(told, 2);
  t.is(certificates.fallback, undefined);
  t.is(certificates.find('a.example'), undefined);
});
