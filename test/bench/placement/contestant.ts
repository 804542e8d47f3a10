import type { Machine, SimulatedPod } from './machine.ts';

/** Who says where pods go and which go first. It hears of everything that the API server would tell it. */
export interface Contestant {
  machineChanged(machine: Machine): void;
  machineGone(machine: Machine): void;
  bound(pod: SimulatedPod): void;
  ready(pod: SimulatedPod): void;
  gone(pod: SimulatedPod): void;
  /** What it adds to the stock scheduler's score of each node, in their order. */
  scores(pod: SimulatedPod, candidates: readonly Machine[]): readonly number[];
  /** So many of the pods of one ReplicaSet. */
  leaving(pods: readonly SimulatedPod[], surplus: number): readonly SimulatedPod[];
}
