import test, { type ExecutionContext } from 'ava';
import { podAt, web } from '../../test/support/gateway-rig.ts';
import { instant, ManualClock, millis, silentLogger, systemRandom, type GatewayCode, type WorkloadRoute } from '../core/index.ts';
import { Call, type Refusal } from './call.ts';
import { Deadlines } from './deadlines.ts';
import { HoldBudget } from './hold-budget.ts';
import { PushOut } from './push-out.ts';
import { WorkloadGate } from './workload-gate.ts';

/** Counts how often it is given to a pod; what becomes of it there is the test's affair. */
class PlainCall extends Call {
  readonly request = undefined;
  readonly clientAddress = '';
  readonly target = 'http';
  readonly heldBytes = 0;
  readonly requestBytes = 0;
  readonly responseBytes = 0;
  starts = 0;
  refusedAs: GatewayCode | undefined;
  start(): void {
    this.starts += 1;
  }
  refuse({ code }: Refusal): void {
    this.refusedAs = code;
    this.progress?.ended(this, 503);
  }
  timedOut(): void {
    throw new Error('it has no limits');
  }
  cut(): void {
    throw new Error('it is not cut');
  }
}

const route: WorkloadRoute = {
  workload: web,
  listeners: [],
  hosts: [],
  pods: [podAt(1)],
  wakeFailure: undefined,
  containerConcurrency: undefined,
  holdQueueDepth: 100,
  holdTimeoutMs: 60_000,
  waitingPage: false,
  requestTimeoutMs: 0,
  responseStartTimeoutMs: 0,
  idleTimeoutMs: 0,
  ignoreRequests: [],
  sessionAffinity: 'none',
};

const gateFor = (t: ExecutionContext, by: WorkloadRoute): { readonly clock: ManualClock; readonly gate: WorkloadGate } => {
  const clock = new ManualClock(instant(0));
  const gate = new WorkloadGate(by, {
    gateway: { id: 'g', zone: undefined },
    clock,
    random: systemRandom,
    logger: silentLogger,
    deadlines: new Deadlines(clock),
    holdBudget: new HoldBudget(),
    pushOut: new PushOut(),
    accessLog: undefined,
    tracer: undefined,
    poke: () => undefined,
    firstByte: () => undefined,
    podLeaves: () => undefined,
    podGone: () => undefined,
    permitFreed: () => undefined,
    active: () => undefined,
  });
  t.teardown(() => gate.close());
  gate.update(by);
  return { clock, gate };
};

test('each of several calls that are put off a little has its next turn, though nothing else happens', async (t) => {
  const { clock, gate } = gateFor(t, route);
  const calls = [new PlainCall(), new PlainCall()] as const;
  for (const call of calls) gate.admit(call);
  // The sweeps are at 50, 100 and 150 ms: at the last one the turn of the first has come, and not yet that of the second.
  await clock.advance(millis(45));
  gate.unreachable(calls[0], 'refused', 'closed');
  await clock.advance(millis(60));
  gate.unreachable(calls[1], 'refused', 'closed');
  gate.update({ ...route, pods: [podAt(2)] });
  t.deepEqual([calls[0].starts, calls[1].starts], [1, 1]);
  await clock.advance(millis(45));
  t.deepEqual([calls[0].starts, calls[1].starts], [2, 1]);
  await clock.advance(millis(100));
  t.deepEqual([calls[0].starts, calls[1].starts], [2, 2]);
});

/** Nobody listens there, nor does the manual clock let a probe's connection be tried again. */
const dead = podAt(1);

test('a call that no pod takes on is refused after 9 s', async (t) => {
  const { clock, gate } = gateFor(t, { ...route, pods: [dead] });
  const call = new PlainCall();
  gate.admit(call);
  gate.unreachable(call, 'refused');
  await clock.advance(millis(8900));
  t.is(call.refusedAs, undefined);
  await clock.advance(millis(200));
  t.is(call.refusedAs, 'connect-failed');
});

test('a call whose first pod refused it waits for a place in one that takes calls as long as any other', async (t) => {
  const pods = [dead, podAt(2)];
  const { clock, gate } = gateFor(t, { ...route, pods, containerConcurrency: 1 });
  const calls = [new PlainCall(), new PlainCall()] as const;
  for (const call of calls) gate.admit(call);
  const refused = calls.find(({ pod }) => pod?.route === dead)!;
  const served = calls.find((call) => call !== refused)!;
  gate.unreachable(refused, 'refused');
  await clock.advance(millis(30_000));
  t.deepEqual([refused.state, refused.starts, refused.refusedAs], ['held', 1, undefined]);
  served.progress?.ended(served, 200);
  t.deepEqual([refused.state, refused.starts], ['seated', 2]);
});
