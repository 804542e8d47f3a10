import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1.d.ts';
import type { Endpoints, Node, Pod, Service } from 'kubernetes-types/core/v1.d.ts';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.d.ts';
import type { Clock, Logger, Random } from '../../../core/index.ts';
import { resources } from '../../../kube/index.ts';
import type { InProcessApi } from '../in-process-api.ts';
import { EventRecorder, type RecordEvent } from './events.ts';
import { Objects } from './objects.ts';
import { inTurns, Turns } from './turns.ts';
import { WorkQueue } from './work-queue.ts';

/** What every controller works with: one index per kind and one event recorder, shared by all of them. */
export class ControllerContext {
  readonly api: InProcessApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly record: RecordEvent;
  readonly deployments: Objects<Deployment>;
  readonly replicaSets: Objects<ReplicaSet>;
  readonly pods: Objects<Pod>;
  readonly nodes: Objects<Node>;
  readonly services: Objects<Service>;
  readonly endpoints: Objects<Endpoints>;
  readonly slices: Objects<EndpointSlice>;
  readonly #events: EventRecorder;
  readonly #turns: Turns;
  readonly #onClose: (() => void)[] = [];

  constructor(api: InProcessApi, clock: Clock, random: Random, logger: Logger) {
    this.#turns = new Turns(clock);
    this.api = inTurns(api, this.#turns);
    this.clock = clock;
    this.random = random;
    this.logger = logger;
    this.#events = new EventRecorder(this.api, clock, random, logger);
    this.record = this.#events.record;
    this.deployments = new Objects(api, resources.deployments);
    this.replicaSets = new Objects(api, resources.replicaSets);
    this.pods = new Objects(api, resources.pods);
    this.nodes = new Objects(api, resources.nodes);
    this.services = new Objects(api, resources.services);
    this.endpoints = new Objects(api, resources.endpoints);
    this.slices = new Objects(api, resources.endpointSlices);
    for (const objects of [this.deployments, this.replicaSets, this.pods, this.nodes, this.services, this.endpoints, this.slices])
      this.onClose(() => {
        objects.close();
      });
  }

  queue(name: string, reconcile: (key: string) => Promise<void>): WorkQueue {
    const queue = new WorkQueue({ name, clock: this.clock, logger: this.logger, reconcile, turns: this.#turns });
    this.onClose(() => {
      queue.close();
    });
    return queue;
  }

  onClose(close: () => void): void {
    this.#onClose.push(close);
  }

  close(): void {
    for (const close of this.#onClose) close();
    this.#events.close();
  }
}

/** User names, and field managers, of the controllers: those of kube-controller-manager. */
export const account = (controller: string): string => `system:serviceaccount:kube-system:${controller}`;
