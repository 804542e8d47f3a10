import type { Lease } from 'kubernetes-types/coordination/v1.d.ts';
import type { Clock, Millis } from '../core/index.ts';
import type { KubeClient } from './client.ts';
import { resources } from './resource.ts';

export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
}

/** A Lease as a lock, with what was seen of it and when (on our own clock). */
export class LeaseLock {
  readonly #client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  readonly #name: LeaseName;
  readonly #identity: string;
  readonly #duration: Millis;
  readonly #clock: Clock;
  readonly #onHolder: (holder: string) => void;
  #seen: Lease | undefined;
  #seenAt = 0;
  #leads = false;
  /** Of `leaseTransitions`. */
  #highest = 0;
  #holder: string | undefined;

  constructor(
    client: Pick<KubeClient, 'get' | 'create' | 'replace'>,
    name: LeaseName,
    identity: string,
    duration: Millis,
    clock: Clock,
    onHolder: (holder: string) => void,
  ) {
    this.#client = client;
    this.#name = name;
    this.#identity = identity;
    this.#duration = duration;
    this.#clock = clock;
    this.#onHolder = onHolder;
  }

  /** As last seen. */
  isHeldByAnother(): boolean {
    const holder = holderOf(this.#seen);
    return holder !== '' && holder !== this.#identity;
  }

  /** Our term is over, whoever holds the lease: the next time that we acquire it another one begins. */
  stepDown(): void {
    this.#leads = false;
  }

  /** True if the lease is ours now. False: it is another's, or another was faster. Throws where the API server could not be asked. */
  async acquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const isOurs = await this.#acquireOrRenew(signal);
    if (isOurs) this.#leads = true;
    return isOurs;
  }

  async #acquireOrRenew(signal: AbortSignal): Promise<boolean> {
    // While it is ours there is no need to read it first: if somebody else wrote, the write conflicts.
    if (this.#seen !== undefined && holderOf(this.#seen) === this.#identity && !this.#hasRunOut() && (await this.#write(this.#next(this.#seen), signal)))
      return true;
    const found = await this.#client.get(resources.leases, this.#name, signal);
    if (found.ok) this.#see(found.value);
    else if (found.problem.kind !== 'not-found') throw new Error(found.problem.message);
    else return this.#create(signal);
    if (this.isHeldByAnother() && !this.#hasRunOut()) return false;
    return this.#write(this.#next(found.value), signal);
  }

  /** Hands the lease back, so that another need not wait for it to run out. Read anew first: a renewal that was given up may have taken place. */
  async release(signal: AbortSignal): Promise<void> {
    const found = await this.#client.get(resources.leases, this.#name, signal);
    if (!found.ok) throw new Error(found.problem.message);
    this.#see(found.value);
    if (holderOf(found.value) !== this.#identity) return;
    const now = this.#now();
    // No holder at all, which everyone (client-go too) reads as an empty one.
    const { holderIdentity: _ours, ...rest } = found.value.spec ?? {};
    await this.#write({ ...found.value, spec: { ...rest, leaseDurationSeconds: 1, renewTime: now, acquireTime: now } }, signal);
  }

  async #create(signal: AbortSignal): Promise<boolean> {
    const now = this.#now();
    const created = await this.#client.create(
      resources.leases,
      {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { ...this.#name },
        spec: {
          holderIdentity: this.#identity,
          leaseDurationSeconds: this.#seconds(),
          acquireTime: now,
          renewTime: now,
          leaseTransitions: this.#firstTransitions(),
        },
      },
      signal,
    );
    if (created.ok) this.#see(created.value);
    else if (created.problem.kind !== 'already-exists') throw new Error(created.problem.message);
    return created.ok;
  }

  /**
   * Whoever numbers leaders by `leaseTransitions` must never see it fall: a lease that was deleted goes on from what was seen of it. One of which nothing was
   * seen may have been there too (installed anew, restored from a backup), so it begins with the time of day.
   */
  #firstTransitions(): number {
    if (this.#seen !== undefined) return this.#highest + (this.#leads ? 0 : 1);
    return Math.max(0, Math.floor((this.#clock.now() - firstSecond) / 1000));
  }

  /** Conditional on nobody else having written since. */
  async #write(lease: Lease, signal: AbortSignal): Promise<boolean> {
    const written = await this.#client.replace(resources.leases, lease, signal);
    if (written.ok) this.#see(written.value);
    else if (written.problem.kind !== 'conflict' && written.problem.kind !== 'not-found') throw new Error(written.problem.message);
    return written.ok;
  }

  #next(lease: Lease): Lease {
    const renews = this.#leads && holderOf(lease) === this.#identity;
    const now = this.#now();
    const acquireTime = renews ? (lease.spec?.acquireTime ?? now) : now;
    const transitions = Math.max(lease.spec?.leaseTransitions ?? 0, this.#highest);
    const leaseTransitions = renews ? (lease.spec?.leaseTransitions ?? 0) : transitions + 1;
    const spec = { ...lease.spec, holderIdentity: this.#identity, leaseDurationSeconds: this.#seconds(), acquireTime, renewTime: now, leaseTransitions };
    return { ...lease, spec };
  }

  /** Starts the waiting anew only if the lease has changed. */
  #see(lease: Lease): void {
    if (this.#seen?.metadata?.resourceVersion !== lease.metadata?.resourceVersion || this.#seen?.metadata?.uid !== lease.metadata?.uid)
      this.#seenAt = this.#clock.monotonic();
    this.#seen = lease;
    this.#highest = Math.max(this.#highest, lease.spec?.leaseTransitions ?? 0);
    const holder = holderOf(lease);
    if (holder === this.#holder) return;
    this.#holder = holder;
    this.#onHolder(holder);
  }

  #hasRunOut(): boolean {
    const duration = (this.#seen?.spec?.leaseDurationSeconds ?? this.#seconds()) * 1000;
    return this.#clock.monotonic() - this.#seenAt >= duration;
  }

  #seconds(): number {
    return Math.max(1, Math.ceil(this.#duration / 1000));
  }

  /** MicroTime: six digits after the second. */
  #now(): string {
    return new Date(this.#clock.now()).toISOString().replace('Z', '000Z');
  }
}

/** 2020-01-01: an int32 of seconds from then on lasts until 2088. */
const firstSecond = Date.UTC(2020, 0, 1);

const holderOf = (lease: Lease | undefined): string => lease?.spec?.holderIdentity ?? '';
