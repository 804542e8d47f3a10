import { seededRandom, type Random } from '../../../src/core/index.ts';
import { normal } from '../../../src/cli/simulate/distributions.ts';
import type { Contestant } from './contestant.ts';
import { defaultScores } from './default-scheduler.ts';
import type { Load, Wanted } from './load.ts';
import type { SimulatedPod } from './machine.ts';
import { Machines } from './machines.ts';
import { ours, type Policy } from './ours.ts';
import type { Settings } from './settings.ts';
import { Starts } from './starts.ts';
import { stock } from './stock.ts';

export type ContestantName = 'default' | Policy;

export interface Figures {
  /** From the first pod's being wanted, where there was none, to its being ready, ms. */
  readonly wakes: readonly number[];
  /** The same of every pod. */
  readonly starts: readonly number[];
  /** What each of those would have taken on a quick machine of its own with the image there. */
  readonly floors: readonly number[];
  readonly pulls: number;
  /** Of machines with a pod, and of all that are paid for. */
  readonly nodeHours: number;
  readonly paidHours: number;
  /** Pods that went before they were ready: their start is in no figure. */
  readonly unfinished: number;
}

const hour = 3_600_000;

/** One contestant under one load. The same settings and seed give the same figures, everywhere. */
export const simulate = async (settings: Settings, load: Load, seed: number, name: ContestantName): Promise<Figures> => {
  let now = 0;
  const random = seededRandom(seed);
  const contestant = name === 'default' ? stock(() => now, seededRandom(seed + 1)) : await ours(name, settings, load.workloads, () => now);
  return new Simulation(settings, seed, contestant, random, (at) => (now = at)).run(load);
};

class Simulation {
  readonly #settings: Settings;
  readonly #seed: number;
  readonly #contestant: Contestant;
  readonly #random: Random;
  readonly #tell: (at: number) => void;
  readonly #machines: Machines;
  readonly #starts: Starts;
  readonly #pods = new Map<number, SimulatedPod[]>();
  readonly #made = new Map<number, number>();
  #waiting: SimulatedPod[] = [];
  #now = 0;
  #pullsBefore = 0;
  readonly #figures = { wakes: [] as number[], starts: [] as number[], floors: [] as number[], nodeHours: 0, paidHours: 0, unfinished: 0 };

  constructor(settings: Settings, seed: number, contestant: Contestant, random: Random, tell: (at: number) => void) {
    [this.#settings, this.#seed, this.#contestant, this.#random, this.#tell] = [settings, seed, contestant, random, tell];
    this.#machines = new Machines(settings, seed);
    this.#starts = new Starts({
      settings,
      work: ({ name, workload }) => workload.startWork * Math.exp(0.2 * normal(seededRandom(hashOf(`${seed} ${name}`)))),
      imagesChanged: (machine) => contestant.machineChanged(machine),
      ready: (pod) => this.#ready(pod),
    });
  }

  run({ workloads, wanted }: Load): Figures {
    for (const machine of this.#machines.bootAll()) this.#contestant.machineChanged(machine);
    let next = 0;
    for (;;) {
      const at = Math.min(wanted[next]?.at ?? Infinity, this.#starts.nextAt, this.#machines.nextAt, this.#settings.horizonMs);
      this.#passUntil(at);
      this.#starts.advance(at);
      if (at >= this.#settings.horizonMs) break;
      for (const machine of this.#machines.arrived(at)) this.#contestant.machineChanged(machine);
      for (const machine of this.#machines.idle(at)) this.#contestant.machineGone(machine);
      for (; (wanted[next]?.at ?? Infinity) <= at; next += 1) this.#scale(wanted[next]!, workloads);
      this.#placeAll();
      this.#starts.refresh();
    }
    return { ...this.#figures, pulls: this.#starts.pulled - this.#pullsBefore };
  }

  #passUntil(at: number): void {
    const hours = (Math.max(at, this.#settings.warmUpMs) - Math.max(this.#now, this.#settings.warmUpMs)) / hour;
    if (this.#now < this.#settings.warmUpMs) this.#pullsBefore = this.#starts.pulled;
    for (const { pods } of this.#machines.up) if (pods.size > 0) this.#figures.nodeHours += hours;
    this.#figures.paidHours += hours * (this.#machines.up.size + this.#machines.booting);
    this.#now = at;
    this.#tell(at);
  }

  #scale({ workload: index, revision, replicas }: Wanted, workloads: Load['workloads']): void {
    const workload = workloads[index]!;
    const pods = this.#pods.get(index) ?? [];
    this.#pods.set(index, pods);
    const isWake = pods.length === 0;
    for (let at = pods.length; at < replicas; at += 1) {
      const made = (this.#made.get(index) ?? 0) + 1;
      this.#made.set(index, made);
      const name = `app-${index}-${made}`;
      const image = `registry.test/app-${index}:${revision}`;
      const state = { machine: undefined, isReady: false, readyAt: 0 };
      const pod: SimulatedPod = { uid: name, name, workload, revision, image, createdAt: this.#now, isWake: isWake && at === 0, ...state };
      pods.push(pod);
      this.#waiting.push(pod);
    }
    if (replicas >= pods.length) return;
    const surplus = pods.length - replicas;
    for (const pod of replicas === 0 ? [...pods] : this.#contestant.leaving(pods, surplus)) this.#remove(pod);
  }

  #remove(pod: SimulatedPod): void {
    const pods = this.#pods.get(pod.workload.index)!;
    pods.splice(pods.indexOf(pod), 1);
    if (!pod.isReady && pod.createdAt >= this.#settings.warmUpMs) this.#figures.unfinished += 1;
    this.#waiting = this.#waiting.filter((each) => each !== pod);
    pod.machine?.remove(pod, this.#now);
    this.#starts.end(pod);
    this.#contestant.gone(pod);
  }

  /** In the order in which they came, as the scheduler does. Those for which there is no room wait. */
  #placeAll(): void {
    if (this.#waiting.length === 0) return;
    this.#waiting = this.#waiting.filter((pod) => !this.#place(pod));
    if (this.#waiting.length > 0)
      this.#machines.ask(
        this.#now,
        this.#waiting.map(({ workload }) => workload),
      );
  }

  #place(pod: SimulatedPod): boolean {
    const all = [...this.#machines.up];
    const candidates = all.filter((machine) => machine.hasRoom(pod.workload));
    if (candidates.length === 0) return false;
    const added = this.#contestant.scores(pod, candidates);
    const totals = defaultScores(pod, candidates, all, this.#settings).map((score, index) => score + (added[index] ?? 0));
    const best = Math.max(...totals);
    const equals = candidates.filter((_, index) => totals[index] === best);
    const machine = equals[Math.floor(this.#random() * equals.length)]!;
    Object.assign(pod, { machine });
    machine.add(pod);
    this.#contestant.bound(pod);
    this.#starts.begin(pod, machine);
    return true;
  }

  #ready(pod: SimulatedPod): void {
    Object.assign(pod, { isReady: true, readyAt: this.#now });
    this.#contestant.ready(pod);
    if (pod.createdAt < this.#settings.warmUpMs) return;
    this.#figures.starts.push(this.#now - pod.createdAt);
    this.#figures.floors.push(this.#starts.floor(pod));
    if (pod.isWake) this.#figures.wakes.push(this.#now - pod.createdAt);
  }
}

/** FNV-1a. */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
};
