import { millis, type Clock } from '../../../core/index.ts';
import type { MeasuredUsage, PodUsageSource } from '../../embedded/pod-usage-source.ts';
import type { ProcessFigures, ProcessTable } from './process-table.ts';

/** A container that runs: the process that leads its group, and when it began on the monotonic clock. */
export interface MeasuredContainer {
  readonly podUid: string;
  readonly name: string;
  readonly pid: number;
  readonly since: number;
}

interface Measurement {
  readonly at: number;
  readonly cpuMs: number;
}

/** Two questions within this time get one answer: what is used within less is noise. */
const shortest = 1000;
/** Where nobody has asked for this long, the time since is not what anybody means by "now". */
const longest = 30_000;

/** Everything that `pid` began: its group, its session, and the children of those. */
export const treeOf = (pid: number, processes: readonly ProcessFigures[]): readonly ProcessFigures[] => {
  const children = Map.groupBy(processes, ({ parent }) => parent);
  const found = new Map<number, ProcessFigures>();
  const left = processes.filter((each) => each.pid === pid || each.group === pid || each.session === pid);
  for (let each = left.pop(); each !== undefined; each = left.pop()) {
    if (found.has(each.pid)) continue;
    found.set(each.pid, each);
    left.push(...(children.get(each.pid) ?? []));
  }
  return [...found.values()];
};

/** Measures the containers of a node when it is asked, and only then. */
export class NodeUsage implements PodUsageSource {
  readonly #clock: Clock;
  readonly #table: ProcessTable;
  readonly #containers: () => Iterable<MeasuredContainer>;
  /** By process id. */
  #before = new Map<number, Measurement>();
  #last: { readonly at: number; readonly usage: readonly MeasuredUsage[] } | undefined;
  #measuring: Promise<readonly MeasuredUsage[]> | undefined;

  constructor(clock: Clock, table: ProcessTable, containers: () => Iterable<MeasuredContainer>) {
    this.#clock = clock;
    this.#table = table;
    this.#containers = containers;
  }

  async measure(): Promise<readonly MeasuredUsage[]> {
    if (this.#last !== undefined && this.#clock.monotonic() - this.#last.at < shortest) return this.#last.usage;
    this.#measuring ??= this.#measureAnew().finally(() => {
      this.#measuring = undefined;
    });
    return this.#measuring;
  }

  async #measureAnew(): Promise<readonly MeasuredUsage[]> {
    if (this.#last === undefined || this.#clock.monotonic() - this.#last.at > longest) {
      await this.#take();
      await this.#clock.sleep(millis(shortest), new AbortController().signal);
    }
    this.#last = await this.#take();
    return this.#last.usage;
  }

  async #take(): Promise<{ readonly at: number; readonly usage: readonly MeasuredUsage[] }> {
    const processes = await this.#table.processes();
    const [at, measuredAt] = [this.#clock.monotonic(), this.#clock.now()];
    const now = new Map<number, Measurement>();
    const pods = new Map<string, { windowMs: number; readonly containers: { name: string; cpu: number; memory: number }[] }>();
    for (const { podUid, name, pid, since } of this.#containers()) {
      const tree = treeOf(pid, processes);
      if (tree.length === 0) continue;
      const cpuMs = tree.reduce((sum, each) => sum + each.cpuMs, 0);
      const before = this.#before.get(pid) ?? { at: since, cpuMs: 0 };
      now.set(pid, { at, cpuMs });
      const windowMs = Math.max(1, at - before.at);
      const pod = pods.get(podUid) ?? { windowMs: 0, containers: [] };
      pod.windowMs = Math.max(pod.windowMs, windowMs);
      pod.containers.push({ name, cpu: Math.max(0, cpuMs - before.cpuMs) / windowMs, memory: await this.#table.memory(tree.map((each) => each.pid)) });
      pods.set(podUid, pod);
    }
    this.#before = now;
    const usage = [...pods].map(([podUid, { windowMs, containers }]) => ({ podUid, measuredAt, windowMs, containers }));
    return { at, usage };
  }
}
