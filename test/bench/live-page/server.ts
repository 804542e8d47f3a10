import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApi } from '../../../src/api/index.ts';
import { liveReader } from '../../../src/cli/controller/live-reader.ts';
import { workloadReader } from '../../../src/cli/controller/workload-reader.ts';
import { instant, systemClock, type Clock } from '../../../src/core/index.ts';
import { deciderWorld, type Kind } from '../decider/world.ts';

/**
 * The controller's HTTP API and live page over the real scaler with a number of workloads (argument 1: the `Kind`), which decides for all of them every 2 s. Only what is beyond the
 * scaler stands in: the views of the cluster, the writes, and the gateways' reports. Run with `fork`: says its port, then to each message what it took since the last one.
 */
export interface Took {
  readonly cpuMs: number;
  /** The longest time in which it worked on one answer and did nothing else. */
  readonly longestMs: number;
}

const kind = JSON.parse(process.argv[2] ?? '') as Kind;
/** Played before anybody looks. */
const pastRounds = 20;
const world = await deciderWorld(kind, true, instant(Date.now() - (60 + 2 * pastRounds) * 1000));
const { scaler, registry, failures, clock: played } = world.parts;
await world.begin();
for (let round = 0; round < pastRounds; round++) await world.round();

const ahead = Date.now() - played.now();
/** Goes on between two rounds, as the scaler's own does not. */
const clock: Clock = {
  now: () => instant(Math.max(played.now(), Date.now() - ahead)),
  monotonic: () => systemClock.monotonic(),
  after: (...asked) => systemClock.after(...asked),
  every: (...asked) => systemClock.every(...asked),
  sleep: (...asked) => systemClock.sleep(...asked),
};
const controller = () => ({ version: '0.0.0', identity: 'bench', now: clock.now(), placement: false, gateways: [] });
const api = createApi(workloadReader({ scaler, clock, placed: undefined, controller }), clock, {
  reader: liveReader({ scaler, registry, failures, clock }),
  access: { kind: 'loopback' },
});
let longestMs = 0;
const server = createServer((request, response) => {
  const begun = performance.now();
  api(request, response);
  longestMs = Math.max(longestMs, performance.now() - begun);
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));

let isPlaying = false;
setInterval(() => {
  if (isPlaying) return;
  isPlaying = true;
  void world.round().finally(() => (isPlaying = false));
}, 2000);

let since = process.cpuUsage();
process.on('message', () => {
  const { user, system } = process.cpuUsage(since);
  const took: Took = { cpuMs: (user + system) / 1000, longestMs };
  process.send?.(took);
  longestMs = 0;
  since = process.cpuUsage();
});
process.on('disconnect', () => process.exit(0));
