import { Agent, request } from 'undici';
import { millis, seconds, systemClock } from '../../core/index.ts';
import { CommandError } from '../exit-code.ts';
import type { Local } from './start-local.ts';

/** A stretch of the demo: so many clients, each asking again as soon as it is answered. */
interface Scene {
  readonly name: string;
  readonly clients: number;
  readonly lasts: number;
}

const scenes: readonly Scene[] = [
  { name: 'nothing runs', clients: 0, lasts: 3 },
  { name: 'one client wakes it', clients: 1, lasts: 7 },
  { name: 'a burst of 30 clients', clients: 30, lasts: 15 },
  { name: 'quiet again', clients: 0, lasts: 35 },
];

interface Answers {
  answered: number;
  failed: number;
  slowestMs: number;
}

/** What one line of the live view shows. */
interface Moment {
  readonly requests: number;
  readonly held: number;
  readonly pods: number;
  readonly desired: number;
}

/** Plays about a minute of load against the first workload: a line each second, a table at the end. Stops early when it is back at zero, or told to. */
export const playDemo = async (local: Local, target: string | undefined, print: (line: string) => void, signal: AbortSignal): Promise<void> => {
  const workload = local.controller.scaler.decided.workloads()[0];
  if (workload === undefined || target === undefined)
    throw new CommandError('usage', 'the demo needs a manifest with an onboarded workload and its Service: rouse local --demo -f deploy/examples/hello.yaml');
  const agent = new Agent({ connections: 64 });
  const answers: Answers = { answered: 0, failed: 0, slowestMs: 0 };
  const moments: Moment[] = [];
  const look = (): Moment => {
    const { inFlight = 0, held = 0 } = local.gateway.gateway.counters.workloads.get(workload.key) ?? {};
    const now = local.controller.scaler.decided.workloads().find(({ key }) => key === workload.key);
    return { requests: inFlight + held, held, pods: now?.ready ?? 0, desired: now?.desired ?? 0 };
  };
  print(`\n${'second'.padStart(6)} ${'requests'.padStart(8)} ${'held'.padStart(5)} ${'pods'.padStart(5)} ${'desired'.padStart(7)}`);
  try {
    for (const scene of scenes) {
      const over = AbortSignal.any([signal, AbortSignal.timeout(scene.lasts * 1000)]);
      print(`       ${scene.name}`);
      const clients = Array.from({ length: scene.clients }, () => keepAsking(agent, target, answers, over));
      while (!over.aborted) {
        await systemClock.sleep(seconds(1), over).catch(() => undefined);
        const moment = look();
        moments.push(moment);
        print(line(moments.length, moment));
        if (scene.clients === 0 && answers.answered > 0 && moment.pods === 0 && moment.desired === 0) break;
      }
      await Promise.all(clients);
      if (signal.aborted) return;
    }
  } finally {
    await agent.close();
  }
  for (const row of summary(moments, answers)) print(row);
};

const keepAsking = async (agent: Agent, url: string, answers: Answers, over: AbortSignal): Promise<void> => {
  while (!over.aborted) {
    const from = systemClock.monotonic();
    const done = await request(url, { dispatcher: agent }).then(
      async ({ statusCode, body }) => {
        await body.dump();
        return statusCode === 200;
      },
      () => false,
    );
    if (done) answers.answered += 1;
    else answers.failed += 1;
    answers.slowestMs = Math.max(answers.slowestMs, systemClock.monotonic() - from);
    if (!done) await systemClock.sleep(millis(100), over).catch(() => undefined);
  }
};

const line = (second: number, { requests, held, pods, desired }: Moment): string =>
  `${String(second).padStart(6)} ${String(requests).padStart(8)} ${String(held).padStart(5)} ${String(pods).padStart(5)} ${String(desired).padStart(7)}  ${'▮'.repeat(pods)}${'▯'.repeat(Math.max(0, desired - pods))}`;

const summary = (moments: readonly Moment[], { answered, failed, slowestMs }: Answers): readonly string[] => {
  const most = Math.max(0, ...moments.map(({ pods }) => pods));
  const used = moments.reduce((sum, { pods }) => sum + pods, 0);
  const rows: readonly (readonly [string, string])[] = [
    ['requests answered', String(answered)],
    ['requests failed', String(failed)],
    ['slowest answer (the wake)', `${Math.round(slowestMs)} ms`],
    ['most pods at once', String(most)],
    ['pod-seconds used', String(used)],
    [`pod-seconds of ${most} pods kept running`, String(most * moments.length)],
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  return ['', ...rows.map(([what, value]) => `  ${what.padEnd(width)}  ${value.padStart(8)}`)];
};
