import type { SecureContext } from 'node:tls';
import type { KeyPair } from './key-pair.ts';

/** The certificates in force: swapped as a whole, while connections that were made with the ones before go on. */
export class Certificates {
  /** By file. */
  pairs: ReadonlyMap<string, KeyPair> = new Map();
  /** Whether what is in force is what the files say now. */
  valid: 0 | 1 = 1;
  /** For clients that name no server, or one that no certificate is for. */
  fallback: KeyPair | undefined;
  /** Called after each swap. */
  changed: () => void = () => undefined;
  /** By name; a wildcard by what follows its asterisk, `.example.org`. */
  #exact: ReadonlyMap<string, KeyPair> = new Map();
  #wildcards: ReadonlyMap<string, KeyPair> = new Map();

  /** Where two are for the same name, the one that is good for longer is served. */
  use(pairs: ReadonlyMap<string, KeyPair>, fallback: KeyPair | undefined): void {
    const [exact, wildcards] = [new Map<string, KeyPair>(), new Map<string, KeyPair>()];
    for (const pair of [...pairs.values()].sort((one, other) => one.notAfter - other.notAfter))
      for (const name of pair.names) {
        if (name.startsWith('*')) wildcards.set(name.slice(1), pair);
        else exact.set(name, pair);
      }
    [this.pairs, this.fallback, this.#exact, this.#wildcards] = [pairs, fallback, exact, wildcards];
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
