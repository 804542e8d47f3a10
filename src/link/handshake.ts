import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { failed, ok, type Result } from '../core/index.ts';
import { pickVersion, readHello, type GatewayClaim } from './messages.ts';

/** Where the link lives on the controller's server. */
export const linkPath = '/link';
/** The upgrade request's header with the `Hello` as base64url JSON: everything is checked before there is a WebSocket. */
export const helloHeader = 'rouse-link-hello';

/** What is known for certain of a gateway, as `authenticate` found it. */
export interface GatewayIdentity {
  /** Where clients reach its listeners: from the Pod bound to the token, or (local, external gateways) the claimed one. */
  readonly address: string;
  /** Its addresses of other families (dual-stack). */
  readonly otherAddresses?: readonly string[];
  readonly podName: string | undefined;
  readonly podUid: string | undefined;
  readonly nodeName: string | undefined;
  readonly zone: string | undefined;
}

/** Checks the bearer token; undefined refuses. `token` is undefined where the request has none. */
export type Authenticate = (token: string | undefined, claimed: GatewayClaim) => Promise<GatewayIdentity | undefined>;

export interface Refusal {
  readonly status: number;
  readonly detail: string;
}

export interface Accepted {
  readonly claim: GatewayClaim;
  readonly identity: GatewayIdentity;
  readonly version: number;
}

const bearer = (request: IncomingMessage): string | undefined => /^Bearer +([\x21-\x7e]{1,8192})$/i.exec(request.headers.authorization ?? '')?.[1];

/** Tokens that are checked at once. Each takes a request of the client that the controller works with, and anybody may send one. */
const mostChecked = 16;

/** Judges upgrade requests. */
export class Doorkeeper {
  readonly #authenticate: Authenticate;
  readonly #spoken: readonly number[];
  #checked = 0;

  constructor(authenticate: Authenticate, spoken: readonly number[]) {
    this.#authenticate = authenticate;
    this.#spoken = spoken;
  }

  /** By its hello, its version, its token, in this order. Rejects where the token cannot be checked. */
  async judge(request: IncomingMessage): Promise<Result<Accepted, Refusal>> {
    const header = request.headers[helloHeader];
    if (typeof header !== 'string') return failed({ status: 400, detail: `the header ${helloHeader} is missing` });
    const hello = readHello(Buffer.from(header, 'base64url').toString('utf8'));
    if (!hello.ok) return failed({ status: 400, detail: `${helloHeader}: ${hello.problem}` });
    const { claim, versions } = hello.value;
    const version = pickVersion(versions, this.#spoken);
    if (version === undefined)
      return failed({ status: 426, detail: `this controller speaks versions ${this.#spoken.join(', ')} of the link, the gateway ${versions.join(', ')}` });
    if (this.#checked >= mostChecked)
      return failed({ status: 503, detail: `${mostChecked} tokens are being checked, which is as many as are at once: come again in a moment` });
    const identity = await this.#check(bearer(request), claim);
    if (identity === undefined) return failed({ status: 401, detail: 'the token is missing, wrong, or not for the link' });
    return ok({ claim, identity, version });
  }

  async #check(token: string | undefined, claim: GatewayClaim): Promise<GatewayIdentity | undefined> {
    this.#checked += 1;
    try {
      return await this.#authenticate(token, claim);
    } finally {
      this.#checked -= 1;
    }
  }
}

const phrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  409: 'Conflict',
  426: 'Upgrade Required',
  503: 'Service Unavailable',
};

/** Answers an upgrade request that will not become a link, and closes: a stranger's half of the connection is not waited for. */
export const refuse = (socket: Duplex, { status, detail }: Refusal): void => {
  const body = JSON.stringify({ title: phrases[status] ?? 'Refused', status, detail });
  socket.end(
    `HTTP/1.1 ${status} ${phrases[status] ?? 'Refused'}\r\nConnection: close\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
};
