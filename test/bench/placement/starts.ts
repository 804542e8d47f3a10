import type { Machine, SimulatedPod } from './machine.ts';
import type { Settings } from './settings.ts';
import { SharedWork } from './shared-work.ts';

export interface StartsPorts {
  readonly settings: Settings;
  /** Core-ms of that start, the same whoever places it. */
  readonly work: (pod: SimulatedPod) => number;
  readonly imagesChanged: (machine: Machine) => void;
  readonly ready: (pod: SimulatedPod) => void;
}

interface Pull {
  readonly machine: Machine;
}

/** What happens between a pod's being bound and its being ready: its image is pulled, unless it is there or on its way, then its program starts. */
export class Starts {
  readonly #ports: StartsPorts;
  readonly #pulls: SharedWork<Pull>;
  readonly #programs: SharedWork<SimulatedPod>;
  pulled = 0;

  constructor(ports: StartsPorts) {
    this.#ports = ports;
    const { machineBandwidth, registryBandwidth } = ports.settings;
    this.#pulls = new SharedWork(({ machine }) => Math.min(machineBandwidth / machine.pulls.size, registryBandwidth / this.#pulls.size));
    this.#programs = new SharedWork(({ machine }) => machine?.startSpeed ?? 0);
  }

  begin(pod: SimulatedPod, machine: Machine): void {
    const { image, workload } = pod;
    const waiting = machine.pulls.get(image);
    if (machine.images.has(image)) this.#run(pod, machine);
    else if (waiting !== undefined) waiting.push(pod);
    else {
      machine.pulls.set(image, [pod]);
      this.pulled += 1;
      this.#pulls.add({ machine }, workload.imageBytes, () => {
        const pods = machine.pulls.get(image) ?? [];
        machine.pulls.delete(image);
        machine.use(image, workload.imageBytes);
        this.#ports.imagesChanged(machine);
        for (const each of pods) if (machine.pods.has(each)) this.#run(each, machine);
      });
    }
  }

  /** The pod is gone. What is being pulled for it comes all the same. */
  end(pod: SimulatedPod): void {
    this.#programs.drop(pod);
  }

  /** How long the start takes at least. */
  floor(pod: SimulatedPod): number {
    return this.#work(pod) / this.#ports.settings.coresOfStart;
  }

  refresh(): void {
    this.#pulls.refresh();
    this.#programs.refresh();
  }

  get nextAt(): number {
    return Math.min(this.#pulls.nextAt, this.#programs.nextAt);
  }

  advance(at: number): void {
    this.#pulls.advance(at);
    this.#programs.advance(at);
  }

  #work(pod: SimulatedPod): number {
    const { work, settings } = this.#ports;
    return work(pod) + settings.sandboxMs * settings.coresOfStart;
  }

  #run(pod: SimulatedPod, machine: Machine): void {
    machine.use(pod.image, pod.workload.imageBytes);
    machine.starting.add(pod);
    this.#programs.add(pod, this.#work(pod), () => {
      machine.starting.delete(pod);
      this.#ports.ready(pod);
    });
  }
}
