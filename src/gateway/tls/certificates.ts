import type { SecureContext } from 'node:tls';
import type { Instant } from '../../core/index.ts';
import type { KeyPair } from './key-pair.ts';

export interface CertificateFigures {
  /** Of what is served; undefined where the file was never of use. */
  readonly notAfter: Instant | undefined;
  /** Whether what is served is what the file holds now. */
  readonly valid: 0 | 1;
}

/** The certificates in force: swapped as a whole, while connections that were made with the ones before go on. */
export class Certificates {
  /** Figures by file; whoever follows the files keeps them. */
  readonly files = new Map<string, CertificateFigures>();
  /** For clients that name no server, or one that no certificate is for. */
  fallback: KeyPair | undefined;
  /** Called after each swap. */
  changed: () => void = () => undefined;
  /** By name; a wildcard by what follows its asterisk, `.example.org`. */
  #exact: ReadonlyMap<string, KeyPair> = new Map();
  #wildcards: ReadonlyMap<string, KeyPair> = new Map();

  /** Where two are for the same name, the one that is good for longer is served. */
  use(pairs: Iterable<KeyPair>, fallback: KeyPair | undefined): void {
    const [exact, wildcards] = [new Map<string, KeyPair>(), new Map<string, KeyPair>()];
    for (const pair of [...pairs].sort((one, other) => one.notAfter - other.notAfter))
      for (const name of pair.names) {
        if (name.startsWith('*')) wildcards.set(name.slice(1), pair);
        else exact.set(name, pair);
      }
    [this.fallback, this.#exact, this.#wildcards] = [fallback, exact, wildcards];
    this.changed();
  }

  /** For a client that asks for `serverName` (RFC 6066 §3): an exact name before a wildcard, which stands for one label (RFC 9525 §6.3). */
  find(serverName: string): SecureContext | undefined {
    const name = serverName.toLowerCase();
    const dot = name.indexOf('.');
    const pair = this.#exact.get(name) ?? (dot > 0 ? this.#wildcards.get(name.slice(dot)) : undefined);
    return pair?.context;
  }
}
