import { percentile, table } from '../statistics.ts';
import type { Contestant } from './contestants.ts';
import { idleConnections, type Memory } from './memory.ts';
import { medianOf, ratioOf, type Sample, type Samples } from './samples.ts';
import type { LoadScenario, Scenario } from './scenarios.ts';

const number = (value: number | undefined, digits: number): string => (value === undefined ? '' : value.toFixed(digits));

/** Errors of all rounds, by kind. */
const errorsIn = (samples: readonly Sample[]): string => {
  const sums = new Map<string, number>();
  for (const { errors } of samples) for (const [kind, count] of Object.entries(errors)) sums.set(kind, (sums.get(kind) ?? 0) + count);
  const some = [...sums].filter(([, count]) => count > 0).map(([kind, count]) => `${count} ${kind}`);
  return some.length === 0 ? '0' : some.join(', ');
};

/** Medians of the rounds, and their ratios to those of the peers. */
export const scenarioTable = ({ title, unit }: Scenario, samples: Samples): string => {
  const rows = [...samples].map(([name, all]) => {
    const cpu = all.map(({ cpuMicros }) => cpuMicros);
    const ratio = (quantity: 'cpuMicros' | 'perSecond' | 'p99Ms', peer: Contestant): string => number(ratioOf(samples, quantity, name, peer), 2);
    return [
      name,
      number(percentile(cpu, 0.5), 1),
      `${number(Math.min(...cpu), 1)} – ${number(Math.max(...cpu), 1)}`,
      ratio('cpuMicros', 'nginx'),
      ratio('cpuMicros', 'envoy'),
      ratio('cpuMicros', 'envoy-defaults'),
      number(medianOf(samples, name, 'perSecond'), 0),
      ratio('perSecond', 'nginx'),
      ratio('perSecond', 'envoy'),
      number(medianOf(samples, name, 'p50Ms'), 2),
      number(medianOf(samples, name, 'p99Ms'), 2),
      ratio('p99Ms', 'nginx'),
      number(medianOf(samples, name, 'residentMb'), 0),
      errorsIn(all),
    ];
  });
  const peers = ['× nginx', '× Envoy'];
  const header = [
    '',
    `CPU µs/${unit}`,
    'least – most',
    ...peers,
    '× Envoy, defaults',
    `${unit}s/s`,
    ...peers,
    'p50 ms',
    'p99 ms',
    '× nginx',
    'RSS MB',
    'errors',
  ];
  return `### ${title}\n\n${table(header, rows)}\n`;
};

export const memoryTable = (memories: readonly Memory[]): string => {
  const rows = memories.map(({ name, started, busy256, idle, idleConnections: held }) => [
    name,
    number(started, 1),
    number(busy256, 1),
    number(idle, 1),
    String(held),
  ]);
  const header = ['RSS MB of a fresh process', 'started', '256 busy connections', 'idle connections', 'of these'];
  return `### Memory\n\n${table(header, rows)}\n`;
};

/** What the gateway is to reach. */
interface Bar {
  readonly what: string;
  readonly value: number | undefined;
  readonly least?: number;
  readonly most?: number;
}

export type Results = ReadonlyMap<LoadScenario, Samples>;

const barsOf = (results: Results, memory: Memory | undefined): readonly Bar[] => {
  const ratio = (scenario: LoadScenario, quantity: 'cpuMicros' | 'perSecond' | 'p99Ms', peer: Contestant): number | undefined =>
    ratioOf(results.get(scenario), quantity, 'rouse', peer);
  return [
    { what: 'GET, 32 connections: CPU per request, × nginx', value: ratio('get32', 'cpuMicros', 'nginx'), most: 1.6 },
    { what: 'GET, 256 connections: CPU per request, × nginx', value: ratio('get256', 'cpuMicros', 'nginx'), most: 1.3 },
    { what: 'GET, 32 connections: CPU per request, × Envoy', value: ratio('get32', 'cpuMicros', 'envoy'), most: 0.4 },
    { what: '″ × Envoy with its defaults', value: ratio('get32', 'cpuMicros', 'envoy-defaults'), most: 0.4 },
    { what: '64 KB: CPU per request, × nginx', value: ratio('body64k', 'cpuMicros', 'nginx'), most: 2 },
    { what: '8 MB: throughput, × nginx', value: ratio('body8m', 'perSecond', 'nginx'), least: 0.6 },
    { what: 'half load: p99, × nginx', value: ratio('half32', 'p99Ms', 'nginx'), most: 2 },
    { what: 'unary gRPC: CPU per call, × Envoy', value: ratio('grpc32', 'cpuMicros', 'envoy'), most: 1.2 },
    { what: '″ × Envoy with its defaults', value: ratio('grpc32', 'cpuMicros', 'envoy-defaults'), most: 1.2 },
    { what: 'RSS with 256 connections, MB', value: memory?.busy256, most: 90 },
    {
      what: `RSS with ${idleConnections} idle connections, MB`,
      // Fewer would say nothing.
      value: (memory?.idleConnections ?? 0) < idleConnections ? undefined : memory?.idle,
      most: 250,
    },
  ];
};

const verdict = ({ value, least = -Infinity, most = Infinity }: Bar): string => {
  if (value === undefined) return 'not measured';
  return value >= least && value <= most ? 'yes' : 'no';
};

export const barsTable = (results: Results, memories: readonly Memory[]): string => {
  const bars = barsOf(
    results,
    memories.find(({ name }) => name === 'rouse'),
  );
  const rows = bars.map((bar) => [bar.what, bar.most === undefined ? `≥ ${bar.least}` : `≤ ${bar.most}`, number(bar.value, 2), verdict(bar)]);
  return `### Bars\n\n${table(['', 'bar', 'rouse', 'reached'], rows)}\n`;
};
