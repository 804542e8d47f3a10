import { createPrivateKey } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { certificateFor } from '../../../test/support/tls-rig.ts';
import { readKeyPair } from './key-pair.ts';

const web = await certificateFor('Web.Example', '*.web.example');
const other = await certificateFor('other.example');
const read = (certificate: string, key: string) => readKeyPair({ path: 'd/tls.crt', text: certificate }, { path: 'd/tls.key', text: key });

test('names are those of the certificate, in lower case, and its end is known', (t) => {
  const pair = read(web.certificatePem, web.keyPem);
  if (!pair.ok) return t.fail(pair.problem);
  t.deepEqual(pair.value.names, ['web.example', '*.web.example']);
  t.true(pair.value.notAfter > Date.now() + 6 * 24 * 3600 * 1000);
  t.true(pair.value.notBefore < Date.now());
});

test('a certificate may be followed by those of its issuers', (t) => {
  const pair = read(`${web.certificatePem}${other.certificatePem}`, web.keyPem);
  t.deepEqual(pair.ok && pair.value.names, ['web.example', '*.web.example']);
});

test('a certificate for addresses alone has no names: the common name is none', async (t) => {
  const { certificatePem, keyPem } = await certificateFor();
  const pair = read(certificatePem, keyPem);
  t.deepEqual(pair.ok && pair.value.names, []);
});

const half = (text: string): string => text.slice(0, text.length / 2);
const encrypted = createPrivateKey(web.keyPem).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }).toString();
const isTold = test.macro({
  exec: (t: ExecutionContext, certificate: string, key: string, told: RegExp) => {
    const pair = read(certificate, key);
    t.regex(pair.ok ? '' : pair.problem, told);
    t.false(!pair.ok && pair.problem.includes('\n'));
  },
  title: (given) => `what is wrong is told with the file: ${given ?? ''}`,
});
test('no certificate', isTold, 'nonsense', web.keyPem, /^d\/tls\.crt holds no certificate in PEM: /);
test('half a certificate', isTold, half(web.certificatePem), web.keyPem, /^d\/tls\.crt holds no certificate in PEM: /);
test(
  'a broken certificate further down',
  isTold,
  `${web.certificatePem}${half(other.certificatePem)}\n-----END CERTIFICATE-----\n`,
  web.keyPem,
  /^d\/tls\.crt and d\/tls\.key cannot be used: /,
);
test('an empty certificate', isTold, '', web.keyPem, /^d\/tls\.crt holds no certificate in PEM: /);
test('no key', isTold, web.certificatePem, web.certificatePem, /^d\/tls\.key holds no private key in PEM without a passphrase: /);
test('half a key', isTold, web.certificatePem, half(web.keyPem), /^d\/tls\.key holds no private key in PEM without a passphrase: /);
test('a key with a passphrase', isTold, web.certificatePem, encrypted, /^d\/tls\.key holds no private key in PEM without a passphrase: /);
test('another key', isTold, web.certificatePem, other.keyPem, /^d\/tls\.key is not the key of d\/tls\.crt$/);
