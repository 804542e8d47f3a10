import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority } from '../../../../src/certificates/index.ts';
import { rehearsePlacement } from '../../../../src/cli/controller/placement-rehearsal.ts';
import { silentLogger, systemClock } from '../../../../src/core/index.ts';
import { createExtender } from '../../../../src/webhooks/index.ts';
import { filledPlacer } from '../placer.ts';

/** The extender over TLS, in a process of its own; says its port and what its snapshot takes as JSON. Run with --expose-gc; `--rehearsed`: as a controller that has said it is ready. */
const heapBytes = (): number => {
  for (let turn = 0; turn < 3; turn += 1) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

const authority = await createAuthority({ commonName: 'bench', clock: systemClock, validDays: 1 });
const { certificatePem, keyPem } = await authority.issue({ commonName: 'extender', dnsNames: ['localhost'], validDays: 1 });
const before = heapBytes();
const placer = await filledPlacer();
const snapshotBytes = heapBytes() - before;
const isRehearsed = process.argv.includes('--rehearsed');
if (isRehearsed) await rehearsePlacement({ certificatePem, keyPem }, systemClock, AbortSignal.timeout(60_000));
const { app, figures } = createExtender({ placer, clock: systemClock, logger: silentLogger });
const server = createServer({ cert: certificatePem, key: keyPem }, app).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port, snapshotBytes }));
});
process.once('SIGTERM', () => {
  console.log(JSON.stringify(Object.fromEntries([...figures.answers].map(([verb, answers]) => [verb, Object.fromEntries(answers)]))));
  process.exit(0);
});
