/** The cluster of the simulation and what starts cost in it. Times in ms, sizes in bytes, CPU in cores. */
export interface Settings {
  readonly machines: number;
  readonly zones: number;
  readonly cores: number;
  readonly memory: number;
  /** What is left of a machine's disk for images; the least recently used one that no pod uses goes first, as the kubelet collects them. */
  readonly imageDisk: number;
  /** The kubelet names no more in the node's status (`--node-status-max-images`), the largest first. */
  readonly imagesInStatus: number;
  /** Bytes a ms: a machine's own, and all of the registry's. Each pull has an equal part of both. */
  readonly machineBandwidth: number;
  readonly registryBandwidth: number;
  /** A start is over in its work divided by this many cores where it has them; on one that is slow, or shared, it takes longer. */
  readonly coresOfStart: number;
  /** A running pod uses this much of the CPU that it asks for; the rest of the machine is the starts'. */
  readonly usedOfRequest: number;
  /** Sandbox, network, volumes: for each start, whatever the machine. */
  readonly sandboxMs: number;
  /** The share of machines, and how many times as long starts take on them, for as long as they live. */
  readonly slow: readonly { readonly share: number; readonly slowness: number }[];
  /** A machine without pods is given back after; undefined: never. */
  readonly idleMs: number | undefined;
  /** From asking for one to the first pod that can begin there. Machines come empty. */
  readonly bootMs: number;
  readonly workloads: number;
  readonly horizonMs: number;
  /** What happens before is not counted: nobody has learned anything yet. */
  readonly warmUpMs: number;
}

const [MB, GB] = [1e6, 1e9];
const minutes = (count: number): number => count * 60_000;

export const defaults: Settings = {
  machines: 100,
  zones: 3,
  cores: 8,
  memory: 32 * GB,
  imageDisk: 30 * GB,
  imagesInStatus: 50,
  machineBandwidth: (80 * MB) / 1000,
  registryBandwidth: (1500 * MB) / 1000,
  coresOfStart: 2,
  usedOfRequest: 0.5,
  sandboxMs: 600,
  slow: [
    { share: 0.15, slowness: 1.6 },
    { share: 0.05, slowness: 3 },
  ],
  idleMs: minutes(10),
  bootMs: 75_000,
  workloads: 300,
  horizonMs: minutes(8 * 60),
  warmUpMs: minutes(2 * 60),
};
