import { inspectCertificate, isRenewalDue, loadAuthority, type IssueOptions, type KeyedCertificate } from '../../certificates/index.ts';
import { millis, type Clock, type Instant, type Logger } from '../../core/index.ts';
import type { KubeClient } from '../../kube/index.ts';
import { rotateKeys, sharedKeys, type SharedKeys } from './authority.ts';
import { publishCa } from './publish-ca.ts';

/** Our certificates, kept valid: a serving certificate of our own, signed by the authority that all replicas share. */
export interface CertificateKeeper {
  readonly serving: KeyedCertificate;
  /** When what we serve and who signs it expire. */
  expiry(): ReadonlyMap<'serving' | 'authority', Instant>;
  /** PEM of every authority that is to be believed at the moment. */
  readonly caPem: string;
  /** `listener` runs after either has changed. Returns the way to stop. */
  onChange(listener: () => void): () => void;
  /** Renewing the authority is ours until `term` aborts. */
  lead(term: AbortSignal): void;
  /** Looks at everything once a minute until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

export interface CertificateKeeperOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'mergePatch'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What we are called. */
  readonly names: Omit<IssueOptions, 'validDays'>;
}

const servingDays = 365;
const lookEvery = millis(60_000);

/** Reads or makes the authority, publishes it and has a certificate signed. Throws a `CommandError`. */
export const keepCertificates = async (options: CertificateKeeperOptions): Promise<CertificateKeeper> => {
  const keeper = new Keeper(options, await sharedKeys(options.client, options.clock));
  await keeper.begin();
  return keeper;
};

class Keeper implements CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  readonly #listeners = new Set<() => void>();
  #shared: SharedKeys;
  #served: { readonly certificate: KeyedCertificate; readonly signedBy: string } | undefined;
  #leads = false;
  /** Those who use either have not heard of the last change yet. */
  #untold = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: CertificateKeeperOptions, shared: SharedKeys) {
    this.#options = options;
    this.#shared = shared;
  }

  async begin(): Promise<void> {
    await publishCa(this.#options.client, this.caPem);
    await this.#renew();
    // Nobody listens yet.
    this.#untold = false;
  }

  get serving(): KeyedCertificate {
    if (this.#served === undefined) throw new Error('begin() comes first');
    return this.#served.certificate;
  }

  expiry(): ReadonlyMap<'serving' | 'authority', Instant> {
    const of = (pem: string): Instant => inspectCertificate(pem).notAfter;
    return new Map([
      ['serving', of(this.serving.certificatePem)],
      ['authority', of(this.#shared.keys.current.certificatePem)],
    ]);
  }

  get caPem(): string {
    return this.#shared.keys.trusted.join('');
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  lead(term: AbortSignal): void {
    this.#leads = !term.aborted;
    term.addEventListener('abort', () => (this.#leads = false), { once: true });
    void this.#lookNow();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const nextLook = (): Promise<boolean> =>
      clock.sleep(lookEvery, signal).then(
        () => true,
        () => false,
      );
    while (await nextLook()) await this.#lookNow();
    await this.#looking;
  }

  /** One at a time. Never rejects. */
  #lookNow(): Promise<void> {
    this.#looking = this.#looking
      .then(() => this.#look())
      .catch((problem: unknown) => {
        this.#options.logger.error('the certificates cannot be looked after; what is there stays in use', { problem });
      });
    return this.#looking;
  }

  /** The authority as it stands now, a step of its renewal where that is ours, then what follows from it for us. */
  async #look(): Promise<void> {
    const before = this.caPem;
    try {
      await this.#step();
    } finally {
      if (this.caPem !== before) this.#untold = true;
      await this.#renewAndTell();
    }
    await publishCa(this.#options.client, this.caPem);
  }

  async #step(): Promise<void> {
    const { client, clock, logger } = this.#options;
    // Deleted: that is how an administrator asks for a new one.
    this.#shared = await sharedKeys(client, clock, this.#shared.keys);
    if (this.#leads) {
      const rotated = await rotateKeys(client, clock, this.#shared);
      if (!rotated.ok) logger.warn('the authority cannot be renewed yet', { problem: rotated.problem.message });
      else {
        if (rotated.value.step !== 'rest') logger.info('the authority is being renewed', { step: rotated.value.step });
        this.#shared = rotated.value.shared;
      }
    }
  }

  /** Whatever the API server says to the rest: a certificate that nobody was told of would never come into use. */
  async #renewAndTell(): Promise<void> {
    await this.#renew();
    if (!this.#untold) return;
    this.#untold = false;
    for (const listener of this.#listeners) listener();
  }

  /** A new serving certificate where the old one is due, or another authority signs now. */
  async #renew(): Promise<void> {
    const { clock, logger, names } = this.#options;
    const { current } = this.#shared.keys;
    if (this.#served?.signedBy === current.certificatePem && !isRenewalDue(this.#served.certificate.certificatePem, clock)) return;
    const authority = await loadAuthority(current, clock);
    this.#served = { certificate: await authority.issue({ ...names, validDays: servingDays }), signedBy: current.certificatePem };
    this.#untold = true;
    logger.debug('a serving certificate was issued');
  }
}
