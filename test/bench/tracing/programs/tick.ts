import { startTelemetry } from '../../../../src/cli/operations/start-telemetry.ts';
import { instant, millis, pods, silentLogger, workloadKey, type Decision } from '../../../../src/core/index.ts';

/**
 * What a controller's tracer takes of ticks, as JSON: argument 1 is the number of workloads, 2 the number of ticks that are measured, 3 `traced` or `not`. Told as the control loop tells it, with the SDK, its queue and its
 * export; deciding itself is measured by `npm run bench -- decider`.
 */
const [, , countText = '', ticksText = '', traced = ''] = process.argv;
const [count, ticks] = [Number(countText), Number(ticksText)];
const telemetry = await startTelemetry({ service: 'rouse-controller', tracing: traced === 'traced' }, silentLogger);
const { controller } = telemetry;

const keys = Array.from({ length: count }, (_, index) => workloadKey({ resource: 'deployments.apps', namespace: 'team', name: `workload-${String(index)}` }));
const reading = { metric: 'concurrency', kind: 'value', stable: 212.5, panic: 250, age: millis(500) } as const;
const evidence: Decision['evidence'] = {
  demands: [{ reading, target: 70, stablePods: 3.04, panicPods: 3.57 }],
  steps: [
    { step: 'rate-up', from: 9, to: 4, limit: 4 },
    { step: 'max-scale', from: 4, to: 4, limit: 10 },
  ],
  panicking: false,
  wanted: 4,
  replicas: pods(2),
  ready: pods(2),
  starting: pods(0),
  held: 0,
  inFlight: 212,
};
const common = { at: instant(Date.now()), evidence, excessBurstCapacity: undefined } as const;
const changes: Decision = { ...common, kind: 'scale', reason: 'metric-rise', from: pods(2), to: pods(4) };
const holds: Decision = { ...common, kind: 'hold', reason: 'steady', to: pods(4) };

/** CPU in µs of one tick a workload, with what is exported of it meanwhile. */
const tick = async (changing: boolean): Promise<number> => {
  const from = process.cpuUsage();
  for (const key of keys) {
    controller?.decided(key, changing ? changes : holds);
    if (changing) controller?.happened({ type: 'scaled', workload: key, from: 2, to: 4, reason: 'metric-rise' });
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { user, system } = process.cpuUsage(from);
  return (user + system) / count;
};

const measured = async (changing: boolean): Promise<readonly number[]> => {
  const each: number[] = [];
  // The first ones are for the compiler.
  for (let round = 0; round < ticks + 3; round += 1) each.push(await tick(changing));
  return each.slice(3);
};
console.log(JSON.stringify({ changing: await measured(true), holding: await measured(false) }));
process.exit();
