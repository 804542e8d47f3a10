import test from 'ava';
import { createServer, request } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { ManualClock, instant, millis, systemClock } from '../core/index.ts';
import { createAuthority, inspectCertificate, isRenewalDue, loadAuthority, type KeyedCertificate } from './index.ts';

const day = 24 * 3600 * 1000;

/** Status of a GET over TLS that trusts `ca` alone; rejects where the handshake fails. */
const statusOver = async (served: KeyedCertificate, ca: string, host: string): Promise<number> => {
  const server = createServer({ cert: served.certificatePem, key: served.keyPem }, (_request, response) => response.end('ok'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    return await new Promise<number>((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', servername: host === '127.0.0.1' ? '' : host, port, ca, agent: false, headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      asked.on('error', reject);
      asked.end();
    });
  } finally {
    server.close();
    server.closeAllConnections();
  }
};

const authority = await createAuthority({ commonName: 'rouse test', clock: systemClock, validDays: 10 });

test('a certificate for a DNS name is accepted by node:https under that name and no other', async (t) => {
  const served = await authority.issue({ commonName: 'web', dnsNames: ['web.default.svc', '*.example.org'], validDays: 1 });
  t.is(await statusOver(served, authority.certificatePem, 'web.default.svc'), 200);
  t.is(await statusOver(served, authority.certificatePem, 'any.example.org'), 200);
  await t.throwsAsync(statusOver(served, authority.certificatePem, 'other.default.svc'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});

test('a certificate for an IP address is accepted by node:https', async (t) => {
  const served = await authority.issue({ commonName: 'api', ipAddresses: ['127.0.0.1', '::1'], validDays: 1 });
  t.is(await statusOver(served, authority.certificatePem, '127.0.0.1'), 200);
});

test('a certificate of another authority with the same name is refused', async (t) => {
  const impostor = await createAuthority({ commonName: 'rouse test', clock: systemClock, validDays: 10 });
  const served = await impostor.issue({ commonName: 'api', ipAddresses: ['127.0.0.1'], validDays: 1 });
  await t.throwsAsync(statusOver(served, authority.certificatePem, '127.0.0.1'));
});

test('a loaded authority signs certificates that the original’s certificate vouches for', async (t) => {
  const again = await loadAuthority({ certificatePem: authority.certificatePem, keyPem: authority.keyPem }, systemClock);
  const served = await again.issue({ commonName: 'api', ipAddresses: ['127.0.0.1'], validDays: 1 });
  t.is(await statusOver(served, authority.certificatePem, '127.0.0.1'), 200);
  t.is(again.certificatePem, authority.certificatePem);
});

test('loading refuses a leaf, a foreign key, a key of another kind, and text that is no PEM', async (t) => {
  const leaf = await authority.issue({ commonName: 'api', dnsNames: ['api'], validDays: 1 });
  const { certificatePem, keyPem } = authority;
  await t.throwsAsync(loadAuthority(leaf, systemClock), { code: 'certificate/not-an-authority' });
  await t.throwsAsync(loadAuthority({ certificatePem, keyPem: leaf.keyPem }, systemClock), { code: 'certificate/key-mismatch' });
  await t.throwsAsync(loadAuthority({ certificatePem, keyPem: 'nonsense' }, systemClock), { code: 'certificate/unreadable' });
  await t.throwsAsync(loadAuthority({ certificatePem: 'nonsense', keyPem }, systemClock), { code: 'certificate/unreadable' });
});

test('issuing refuses what no certificate can carry', async (t) => {
  const base = { commonName: 'api', validDays: 1 };
  const bad = { code: 'certificate/bad-request' };
  await t.throwsAsync(authority.issue(base), bad);
  await t.throwsAsync(authority.issue({ ...base, dnsNames: ['not a name'] }), bad);
  await t.throwsAsync(authority.issue({ ...base, ipAddresses: ['1.2.3'] }), bad);
  await t.throwsAsync(authority.issue({ ...base, dnsNames: ['a'], commonName: 'x'.repeat(65) }), bad);
  await t.throwsAsync(authority.issue({ ...base, dnsNames: ['a'], validDays: Number.NaN }), bad);
});

test('a certificate never outlives its authority', async (t) => {
  const leaf = await authority.issue({ commonName: 'api', dnsNames: ['api'], validDays: 400 });
  t.is(inspectCertificate(leaf.certificatePem).notAfter, authority.notAfter);
});

test('renewal is due from two thirds of the life on', async (t) => {
  const clock = new ManualClock(instant(Date.UTC(2030, 0, 1)));
  const own = await createAuthority({ commonName: 'renewal', clock, validDays: 90 });
  const leaf = await own.issue({ commonName: 'api', dnsNames: ['api'], validDays: 30 });
  t.deepEqual([inspectCertificate(leaf.certificatePem).isAuthority, inspectCertificate(own.certificatePem).isAuthority], [false, true]);
  await clock.advance(millis(19 * day));
  t.false(isRenewalDue(leaf.certificatePem, clock));
  await clock.advance(millis(2 * day));
  t.true(isRenewalDue(leaf.certificatePem, clock));
  t.false(isRenewalDue(own.certificatePem, clock));
});

test('a client certificate needs no names and is not good for serving', async (t) => {
  const leaf = await authority.issue({ commonName: 'system:node:a', validDays: 1, use: 'client' });
  t.is(inspectCertificate(leaf.certificatePem).commonName, 'system:node:a');
  await t.throwsAsync(statusOver(leaf, authority.certificatePem, '127.0.0.1'));
});
