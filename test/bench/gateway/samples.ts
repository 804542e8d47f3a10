import { cpuSeconds, residentBytes } from '../process-usage.ts';
import { percentile } from '../statistics.ts';
import type { Contestant, Proxy } from './contestants.ts';
import type { Load, Loader } from './load.ts';

/** One measurement: what the client saw, and what it cost the proxy. */
export interface Sample extends Load {
  readonly cpuMicros: number;
  readonly perSecond: number;
  /** Resident afterwards, in millions of bytes. */
  readonly residentMb: number;
}

/** The measurements of one scenario, round by round. */
export type Samples = ReadonlyMap<Contestant, readonly Sample[]>;

export const residentMbOf = ({ pid }: Proxy): number => residentBytes(pid) / 1e6;

const measure = async (proxy: Proxy, load: Loader, seconds: number): Promise<Sample> => {
  proxy.program.check();
  const before = cpuSeconds(proxy.pid);
  const seen = await load(proxy, seconds);
  proxy.program.check();
  const used = cpuSeconds(proxy.pid) - before;
  return { ...seen, cpuMicros: (used * 1e6) / seen.requests, perSecond: seen.requests / seen.seconds, residentMb: residentMbOf(proxy) };
};

/** Each contestant warms up once; then all take their turns in every round, each round beginning with the next one. */
export const measureRounds = async (
  proxies: readonly Proxy[],
  load: Loader,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  say: (line: string) => void,
): Promise<Samples> => {
  const samples = new Map<Contestant, Sample[]>(proxies.map(({ name }) => [name, []]));
  for (const proxy of proxies) await load(proxy, seconds);
  for (let round = 0; round < rounds; round += 1) {
    const first = round % proxies.length;
    for (const proxy of [...proxies.slice(first), ...proxies.slice(0, first)]) {
      const sample = await measure(proxy, load, seconds);
      samples.get(proxy.name)?.push(sample);
      const { cpuMicros, perSecond, p99Ms } = sample;
      say(`round ${round + 1} of ${rounds}: ${proxy.name} ${cpuMicros.toFixed(1)} µs, ${Math.round(perSecond)}/s, p99 ${p99Ms.toFixed(2)} ms`);
    }
  }
  return samples;
};

type Quantity = 'cpuMicros' | 'perSecond' | 'p50Ms' | 'p99Ms' | 'residentMb';

/** The median of the rounds; undefined where the contestant did not take part. */
export const medianOf = (samples: Samples | undefined, name: Contestant, quantity: Quantity): number | undefined => {
  const values = samples?.get(name)?.map((sample) => sample[quantity]) ?? [];
  return values.length === 0 ? undefined : percentile(values, 0.5);
};

/** Of medians. */
export const ratioOf = (samples: Samples | undefined, quantity: Quantity, name: Contestant, peer: Contestant): number | undefined => {
  const [own, other] = [medianOf(samples, name, quantity), medianOf(samples, peer, quantity)];
  return own === undefined || other === undefined ? undefined : own / other;
};
