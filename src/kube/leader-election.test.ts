import test, { type ExecutionContext } from 'ava';
import { instant, ManualClock, millis, seconds, seededRandom, silentLogger, type Instant } from '../core/index.ts';
import { MemoryApi, type MemoryClient } from '../../test/support/memory-kube-client.ts';
import { runLeaderElection, type LeaderElectionTiming } from './index.ts';

/** One clock moves for all, but everyone's wall clock may be off by its own amount. */
class SkewedClock extends ManualClock {
  readonly #base: ManualClock;
  readonly #skew: number;

  constructor(base: ManualClock, skew: number) {
    super(instant(0));
    this.#base = base;
    this.#skew = skew;
  }

  override now(): Instant {
    return instant(this.#base.now() + this.#skew);
  }
  override monotonic(): number {
    return this.#base.monotonic();
  }
  override after(...all: Parameters<ManualClock['after']>): ReturnType<ManualClock['after']> {
    return this.#base.after(...all);
  }
  override sleep(...all: Parameters<ManualClock['sleep']>): Promise<void> {
    return this.#base.sleep(...all);
  }
}

interface Candidate {
  readonly client: MemoryClient;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

interface Scene {
  readonly clock: ManualClock;
  readonly api: MemoryApi;
  /** `a+` a starts to lead, `a-` its signal aborts, `a.` it has stopped. */
  readonly told: string[];
  readonly join: (identity: string, options?: { skew?: number; work?: (signal: AbortSignal) => Promise<void> | void }) => Candidate;
}

const scene = (t: ExecutionContext): Scene => {
  const clock = new ManualClock(instant(Date.UTC(2030, 0, 1)));
  const api = new MemoryApi();
  const told: string[] = [];
  const join: Scene['join'] = (identity, { skew = 0, work } = {}) => {
    const client = api.client();
    const stop = new AbortController();
    t.teardown(() => {
      stop.abort();
    });
    const ended = runLeaderElection(
      {
        client,
        identity,
        lease: { namespace: 'rouse-system', name: 'leader' },
        clock: new SkewedClock(clock, skew),
        random: seededRandom(identity.charCodeAt(0)),
        logger: silentLogger,
        onStarted: (signal) => {
          told.push(`${identity}+`);
          signal.addEventListener('abort', () => told.push(`${identity}-`));
          return work?.(signal);
        },
        onStopped: () => told.push(`${identity}.`),
      },
      stop.signal,
    );
    return { client, stop, ended };
  };
  return { clock, api, told, join };
};

/** In steps, so that everything that can happen on the way does. */
const pass = async (clock: ManualClock, time: number): Promise<void> => {
  for (let step = 0; step < time * 4; step++) await clock.advance(millis(250));
};

const spec = (api: MemoryApi): Record<string, unknown> => (api.all('Lease')[0] as unknown as { spec: Record<string, unknown> }).spec;

/** What a lease begins to count from at the time of these tests. */
const secondsOfDay = (Date.UTC(2030, 0, 1) - Date.UTC(2020, 0, 1)) / 1000;

test('the first to come leads, keeps leading, and writes the lease as client-go does', async (t) => {
  const { clock, api, told, join } = scene(t);
  join('a');
  await pass(clock, 1);
  join('b');
  await pass(clock, 60);
  t.deepEqual(told, ['a+']);
  const { renewTime, acquireTime, ...rest } = spec(api);
  t.deepEqual(rest, { holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: secondsOfDay });
  t.regex(String(acquireTime), /^2030-01-01T00:00:0\d\.\d{3}000Z$/);
  t.true(Date.parse(String(renewTime)) > clock.now() - 3000);
});

test('a leader that stops hands the lease back, and another leads within one retry', async (t) => {
  const { clock, api, told, join } = scene(t);
  const a = join('a');
  await pass(clock, 1);
  join('b');
  await pass(clock, 10);
  a.stop.abort();
  await a.ended;
  t.deepEqual(told, ['a+', 'a-', 'a.']);
  t.is(spec(api)['holderIdentity'], undefined);
  await pass(clock, 4.5);
  t.deepEqual(told, ['a+', 'a-', 'a.', 'b+']);
  t.is(spec(api)['leaseTransitions'], secondsOfDay + 1);
});

test('a stopping leader finishes its work before it hands over', async (t) => {
  const { clock, api, told, join } = scene(t);
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const a = join('a', { work: () => promise });
  await pass(clock, 1);
  a.stop.abort();
  await pass(clock, 3);
  t.is(spec(api)['holderIdentity'], 'a');
  t.deepEqual(told, ['a+', 'a-']);
  resolve(undefined);
  await a.ended;
  t.is(spec(api)['holderIdentity'], undefined);
});

test('a leader that cannot reach the API server stops at the deadline, before anyone else may start', async (t) => {
  for (const fault of ['unavailable', 'hang'] as const) {
    const { clock, told, join } = scene(t);
    const a = join('a');
    await pass(clock, 1);
    join('b');
    await pass(clock, 5);
    a.client.fault = () => fault;
    await pass(clock, 10.5);
    t.deepEqual(told, ['a+', 'a-', 'a.'], fault);
    await pass(clock, 10);
    t.deepEqual(told, ['a+', 'a-', 'a.', 'b+'], fault);
  }
});

test('a short outage of the API server changes nothing', async (t) => {
  const { clock, told, join } = scene(t);
  const [a, b] = [join('a'), join('b')];
  await pass(clock, 5);
  for (const each of [a, b]) each.client.fault = () => 'unavailable';
  await pass(clock, 7);
  for (const each of [a, b]) each.client.fault = () => undefined;
  await pass(clock, 30);
  t.deepEqual(told, ['a+']);
});

test('a former leader stands for election again', async (t) => {
  const { clock, told, join } = scene(t);
  const a = join('a');
  await pass(clock, 5);
  a.client.fault = () => 'unavailable';
  await pass(clock, 12);
  a.client.fault = () => undefined;
  await pass(clock, 5);
  t.deepEqual(told, ['a+', 'a-', 'a.', 'a+']);
});

for (const skew of [-3600_000, 3600_000]) {
  test(`a wall clock that is off by ${String(skew / 60_000)} minutes neither steals the lease nor keeps it`, async (t) => {
    const { clock, told, join } = scene(t);
    const a = join('a', { skew });
    await pass(clock, 1);
    join('b', { skew: -skew });
    await pass(clock, 60);
    t.deepEqual(told, ['a+']);
    a.client.fault = () => 'unavailable';
    await pass(clock, 25);
    t.deepEqual(told, ['a+', 'a-', 'a.', 'b+']);
  });
}

test('a leader whose lease was taken away by hand stops at its next renewal', async (t) => {
  const { clock, api, told, join } = scene(t);
  join('a');
  await pass(clock, 5);
  const lease = api.all('Lease')[0];
  const written = await api.client().replace({ group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true }, {
    ...lease,
    spec: { holderIdentity: 'thief', leaseDurationSeconds: 15 },
  } as never);
  t.true(written.ok);
  await pass(clock, 3);
  t.deepEqual(told, ['a+', 'a-', 'a.']);
});

test('a deleted lease is made again by its leader', async (t) => {
  const { clock, api, told, join } = scene(t);
  join('a');
  await pass(clock, 5);
  api.remove('Lease', 'rouse-system', 'leader');
  await pass(clock, 5);
  t.is(spec(api)['holderIdentity'], 'a');
  t.deepEqual(told, ['a+']);
});

test('the number of a term never falls and is never used twice: not when the lease is deleted, put back as it was long ago, or lost and won again', async (t) => {
  const { clock, api, told, join } = scene(t);
  const numbers: number[] = [];
  const number = (): void => void numbers.push(Number(spec(api)['leaseTransitions']));
  const a = join('a', { work: number });
  await pass(clock, 1);
  api.remove('Lease', 'rouse-system', 'leader');
  await pass(clock, 5);
  t.is(spec(api)['leaseTransitions'], secondsOfDay, 'the term goes on');
  const b = join('b', { work: number });
  await pass(clock, 10);
  a.stop.abort();
  await pass(clock, 5);
  const old = { ...api.all('Lease')[0], spec: { holderIdentity: 'long-gone', leaseDurationSeconds: 15, leaseTransitions: 3 } };
  const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true };
  t.true((await api.client().replace(leases, old as never)).ok);
  await pass(clock, 30);
  b.client.fault = () => 'unavailable';
  await pass(clock, 11);
  b.client.fault = () => undefined;
  await pass(clock, 11);
  t.deepEqual(told, ['a+', 'a-', 'a.', 'b+', 'b-', 'b.', 'b+', 'b-', 'b.', 'b+']);
  t.deepEqual(
    numbers.map((each) => each - secondsOfDay),
    [0, 1, 2, 3],
  );
});

test('a leader whose work fails hands the lease back, and another leads', async (t) => {
  const { clock, told, join } = scene(t);
  join('a', { work: () => Promise.reject(new Error('a bug')) });
  await pass(clock, 1);
  join('b');
  await pass(clock, 5);
  t.deepEqual(told.slice(0, 4), ['a+', 'a-', 'a.', 'b+']);
});

test('never do two lead at the same time, whatever fails when', async (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const { clock, told, join } = scene(t);
    const random = seededRandom(seed);
    const all = ['a', 'b', 'c'].map((identity) => join(identity, { skew: (random() - 0.5) * 1e8 }));
    for (let round = 0; round < 20; round++) {
      const chosen = all[Math.floor(random() * all.length)];
      const fault = (['unavailable', 'hang', 'conflict', undefined, undefined] as const)[Math.floor(random() * 5)];
      if (chosen !== undefined) chosen.client.fault = () => fault;
      await pass(clock, random() * 12);
    }
    const leading = new Set<string>();
    for (const each of told) {
      if (each.endsWith('+')) {
        t.is(leading.size, 0, `seed ${String(seed)}: ${told.join(' ')}`);
        leading.add(each[0] ?? '');
      } else if (each.endsWith('-')) leading.delete(each[0] ?? '');
    }
    for (const each of all) each.stop.abort();
    await pass(clock, 20);
  }
});

test('durations that could let two lead are refused', async (t) => {
  const clock = new ManualClock(instant(0));
  const refused = (timing: Partial<LeaderElectionTiming>): Promise<unknown> =>
    t.throwsAsync(
      runLeaderElection(
        {
          client: new MemoryApi().client(),
          identity: 'a',
          lease: { namespace: 'n', name: 'l' },
          clock,
          random: seededRandom(1),
          logger: silentLogger,
          timing,
          onStarted: () => undefined,
          onStopped: () => undefined,
        },
        new AbortController().signal,
      ),
      { instanceOf: RangeError },
    );
  await refused({ renewDeadline: seconds(15) });
  await refused({ retry: seconds(9) });
});
