import { BlockList, isIP } from 'node:net';
import { withoutMapping } from './peer.ts';

/** A connection, as far as this is concerned. */
export interface Visitor {
  readonly peer: string;
  /** What was found of its peer, and by which list; by another one it is looked up anew. */
  standing: { readonly by: TrustedProxies; readonly trusted: boolean } | undefined;
}

/** Who is believed on the shared ports about where a request comes from. */
export class TrustedProxies {
  /** Of one list for both `::/0` would be every IPv4 address, too. */
  readonly #lists = { ipv4: new BlockList(), ipv6: new BlockList() };

  constructor(cidrs: readonly string[]) {
    for (const cidr of cidrs) {
      const [written = '', length = ''] = cidr.split('/');
      const address = withoutMapping(written.toLowerCase());
      const bits = Number(length) - (address === written.toLowerCase() ? 0 : mappingBits);
      if (bits >= 0) this.#lists[familyOf(address)].addSubnet(address, bits, familyOf(address));
    }
  }

  trusts(visitor: Visitor): boolean {
    if (visitor.standing?.by !== this) visitor.standing = { by: this, trusted: this.#has(visitor.peer) };
    return visitor.standing.trusted;
  }

  /**
   * The client that a request is of: of the addresses in X-Forwarded-For, each of which whoever comes next has seen, the last that is no trusted proxy itself. What stands before it anyone may
   * have written.
   */
  clientOf(visitor: Visitor, request: { headers(name: string): readonly string[] }): string {
    let client = visitor.peer;
    if (!this.trusts(visitor)) return client;
    const hops = request.headers('x-forwarded-for').join(',').split(',');
    for (let at = hops.length - 1; at >= 0; at -= 1) {
      const hop = addressOf(hops[at] ?? '');
      if (hop === undefined) break;
      client = hop;
      if (!this.#has(hop)) break;
    }
    return client;
  }

  #has(address: string): boolean {
    // A link-local address names its interface, too.
    const [plain = ''] = address.split('%', 1);
    return isIP(plain) !== 0 && this.#lists[familyOf(plain)].check(plain, familyOf(plain));
  }
}

/** Of `::ffff:` before an IPv4 address. */
const mappingBits = 96;

const familyOf = (address: string): 'ipv4' | 'ipv6' => (address.includes(':') ? 'ipv6' : 'ipv4');

/** Some proxies write the port, too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
const addressOf = (hop: string): string | undefined => {
  const text = hop.trim();
  const address = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(address) === 0 ? undefined : withoutMapping(address);
};
