import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../../core/index.ts';
import { isObject, listAt, numberAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { findResource } from '../registry.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { administrator, userNamed, type UserInfo } from './user.ts';

/** What tokens without explicit audiences are for, and what requests to the API itself need. */
export const apiAudience = 'https://kubernetes.default.svc';
const issuer = 'https://kubernetes.default.svc';

export interface TokenClaims {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  readonly pod: { readonly name: string; readonly uid: string } | undefined;
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
}

export interface Authenticated {
  readonly user: UserInfo;
  /** The audiences asked for that the token is good for. */
  readonly audiences: readonly string[];
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const decode = (part: string): unknown => {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
};

const sameText = (left: string, right: string): boolean => {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
};

/**
 * Who is behind a bearer token: the administrator's, made at start, or that of a ServiceAccount, a JWT signed with a key that lives and
 * dies with the process. A token ends with its ServiceAccount, and with its pod if it is bound to one.
 */
export class Identity {
  readonly adminToken = randomBytes(32).toString('base64url');
  readonly #key = randomBytes(32);
  readonly #store: ObjectStore;
  readonly #clock: Clock;

  constructor(store: ObjectStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  mint(claims: TokenClaims): { readonly token: string; readonly expiresAt: number } {
    const now = Math.floor(this.#clock.now() / 1000);
    const expires = now + claims.expirationSeconds;
    const payload = {
      aud: claims.audiences,
      exp: expires,
      iat: now,
      nbf: now,
      iss: issuer,
      jti: randomBytes(16).toString('hex'),
      'kubernetes.io': {
        namespace: claims.namespace,
        serviceaccount: claims.serviceAccount,
        ...(claims.pod === undefined ? {} : { pod: claims.pod }),
      },
      sub: `system:serviceaccount:${claims.namespace}:${claims.serviceAccount.name}`,
    };
    const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}`;
    return { token: `${signed}.${this.#signature(signed)}`, expiresAt: expires * 1000 };
  }

  /** Undefined if the token is not valid for any of `audiences`. */
  authenticate(token: string, audiences: readonly string[] = [apiAudience]): Authenticated | undefined {
    if (sameText(token, this.adminToken)) return { user: administrator, audiences };
    const payload = this.#verified(token);
    if (payload === undefined) return undefined;
    const granted = audiences.filter((audience) => listAt(payload, 'aud').includes(audience));
    if (granted.length === 0) return undefined;
    const user = this.#userOf(payload);
    return user === undefined ? undefined : { user, audiences: granted };
  }

  #verified(token: string): JsonObject | undefined {
    const [header = '', body = '', signature = '', ...more] = token.split('.');
    if (more.length > 0 || !sameText(signature, this.#signature(`${header}.${body}`))) return undefined;
    const payload = decode(body);
    if (!isObject(payload)) return undefined;
    const now = this.#clock.now() / 1000;
    return now < (numberAt(payload, 'exp') ?? 0) && now >= (numberAt(payload, 'nbf') ?? 0) - 1 ? payload : undefined;
  }

  #userOf(payload: JsonObject): UserInfo | undefined {
    const bound = objectAt(payload, 'kubernetes.io');
    const namespace = textAt(bound, 'namespace') ?? '';
    const account = objectAt(bound, 'serviceaccount');
    if (!this.#lives('serviceaccounts', namespace, account)) return undefined;
    const pod = objectAt(bound, 'pod');
    if (pod !== undefined && !this.#lives('pods', namespace, pod)) return undefined;
    const podExtra = {
      'authentication.kubernetes.io/pod-name': [textAt(pod, 'name') ?? ''],
      'authentication.kubernetes.io/pod-uid': [textAt(pod, 'uid') ?? ''],
    };
    const extra = { 'authentication.kubernetes.io/credential-id': [`JTI=${textAt(payload, 'jti') ?? ''}`], ...(pod === undefined ? {} : podExtra) };
    return { ...userNamed(textAt(payload, 'sub') ?? ''), uid: textAt(account, 'uid') ?? '', extra };
  }

  #lives(plural: string, namespace: string, reference: JsonObject | undefined): boolean {
    const resource = findResource('', 'v1', plural);
    const found = resource === undefined ? undefined : this.#store.get(resource, namespace, textAt(reference, 'name') ?? '');
    return found !== undefined && found.metadata.uid === textAt(reference, 'uid');
  }

  #signature(signed: string): string {
    return createHmac('sha256', this.#key).update(signed).digest('base64url');
  }
}
