import { failed, ok, type Result } from '../../core/index.ts';
import type { Scheme } from '../request.ts';
import type { LoggedRequest } from '../request.ts';
import type { PodFields } from '../tracing.ts';
import { targetCodes } from '../http1/grammar.ts';
import { isForwarding } from '../http1/fields.ts';
import { hostOf, isAuthority } from '../http1/request-head.ts';
import type { Sensitive } from './engine/sensitive.ts';
import type { Fields } from './engine/stream.ts';
import { eachField, isHopByHop } from './fields.ts';

/** Why a request is refused. Its connection goes on: unlike in HTTP/1.1, everybody knows where the next one begins. */
export interface HeadProblem {
  readonly status: 400 | 417 | 501;
  readonly detail: string;
}

/** What stood in the fields that the gateway acts on. */
interface ReadFields {
  method: string;
  protocol: string | undefined;
  scheme: string;
  path: string;
  authority: string | undefined;
  userAgent: string;
  contentType: string;
  expect: string | undefined;
}

/** A request's head, read once. Order, duplicates and bytes of what is passed on are the client's. */
export class Head implements LoggedRequest {
  readonly protocol = 'HTTP/2';
  readonly method: string;
  /** Byte for byte as sent. */
  readonly path: string;
  /** From `:authority`, or from Host where that is missing; undefined where both are. */
  readonly authority: string | undefined;
  readonly userAgent: string;
  readonly hasBody: boolean;
  readonly expectsContinue: boolean;
  /** What an extended CONNECT (RFC 8441 §4) wants the stream to become; undefined for any other request. */
  readonly tunnel: 'websocket' | undefined;
  /** Of gRPC, whose clients look for a status of its own; undefined for any other request. */
  readonly grpcType: string | undefined;
  readonly #scheme: string;
  /** Names of fields that must never enter a compression table. */
  readonly sensitive: Sensitive;
  readonly #raw: Fields;

  private constructor(raw: Fields, sensitive: Sensitive, fields: ReadFields, hasBody: boolean) {
    this.sensitive = sensitive;
    this.#raw = raw;
    this.#scheme = fields.scheme;
    this.method = fields.method;
    this.path = fields.path;
    this.authority = fields.authority;
    this.userAgent = fields.userAgent;
    this.hasBody = hasBody;
    this.expectsContinue = fields.expect !== undefined;
    this.tunnel = fields.protocol === undefined ? undefined : 'websocket';
    this.grpcType = grpcTypeOf(fields.contentType);
  }

  /** The engine has seen to what RFC 9113 §8 calls malformed; this is about what HTTP allows and a gateway cannot pass on. */
  static read(raw: Fields, sensitive: Sensitive, hasBody: boolean): Result<Head, HeadProblem> {
    const fields = readFields(raw);
    return fields.ok ? ok(new Head(raw, sensitive, fields.value, hasBody)) : fields;
  }

  get host(): string {
    return hostOf(this.authority ?? '');
  }

  /** What its text costs in memory. */
  get bytes(): number {
    return this.#raw.reduce((sum, { length }) => sum + length, 0);
  }

  hasHeader(name: string): boolean {
    return this.header(name) !== undefined;
  }

  /** The first value; `name` in lower case. */
  header(name: string): string | undefined {
    for (let at = 0; at < this.#raw.length; at += 2) if (this.#raw[at] === name) return this.#raw[at + 1];
    return undefined;
  }

  /** All values, in order. */
  headers(name: string): readonly string[] {
    return this.#raw.filter((_text, at) => at % 2 === 1 && this.#raw[at - 1] === name);
  }

  /** The head as it goes to a pod, by the rules of HTTP/1.1 (http1/request-head.ts) for X-Forwarded-*. `instead`: takes the place of the client's fields of those names. */
  forPod(peer: string, edge: boolean, podAuthority: string, instead?: PodFields, scheme: Scheme = 'http'): string[] {
    const authority = this.authority ?? podAuthority;
    const fields = [':method', this.method, ':scheme', 'http', ':authority', authority, ':path', this.path];
    if (this.tunnel !== undefined) fields.push(':protocol', this.tunnel);
    let forwardedBefore = '';
    let [hasHost, hasProto] = [false, false];
    eachField(this.#raw, (name, value) => {
      if (isHopByHop(name) || name === 'host' || name === 'expect' || (edge && isForwarding(name)) || instead?.has(name) === true) return;
      if (name === 'x-forwarded-for') {
        forwardedBefore += `${value}, `;
        return;
      }
      if (name === 'x-forwarded-host') hasHost = true;
      else if (name === 'x-forwarded-proto') hasProto = true;
      fields.push(name, value);
    });
    fields.push('x-forwarded-for', `${forwardedBefore}${peer}`);
    // Where somebody in front has taken off TLS, nothing else may say so.
    if (!hasProto) fields.push('x-forwarded-proto', edge ? scheme : this.#scheme);
    if (!hasHost && this.authority !== undefined) fields.push('x-forwarded-host', authority);
    if (instead !== undefined) for (const [name, value] of instead) if (value !== undefined) fields.push(name, value);
    return fields;
  }
}

/** `application/grpc`, `application/grpc+proto`, `application/grpc-web` …; undefined for anything else. */
export const grpcTypeOf = (contentType: string): string | undefined => (/^application\/grpc(?:[-+; ]|$)/i.test(contentType) ? contentType : undefined);

const refused = (detail: string, status: HeadProblem['status'] = 400): { readonly ok: false; readonly problem: HeadProblem } => failed({ status, detail });

const readFields = (raw: Fields): Result<ReadFields, HeadProblem> => {
  const fields: ReadFields = {
    method: '',
    protocol: undefined,
    scheme: '',
    path: '',
    authority: undefined,
    userAgent: '',
    contentType: '',
    expect: undefined,
  };
  let host: string | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    const value = raw[at + 1] ?? '';
    switch (raw[at] ?? '') {
      case ':method':
        fields.method = value;
        break;
      case ':protocol':
        fields.protocol = value;
        break;
      case ':scheme':
        fields.scheme = value.toLowerCase();
        break;
      case ':path':
        fields.path = value;
        break;
      case ':authority':
        fields.authority = value;
        break;
      case 'host':
        if (host !== undefined) return refused('more than one Host');
        host = value;
        break;
      case 'user-agent':
        fields.userAgent = value;
        break;
      case 'content-type':
        fields.contentType = value;
        break;
      case 'expect':
        if (value.toLowerCase() !== '100-continue') return refused('an expectation other than 100-continue', 417);
        fields.expect = value;
        break;
    }
  }
  if (fields.method === 'CONNECT' && fields.protocol === undefined) return refused('CONNECT is not served');
  if (fields.protocol !== undefined && fields.protocol.toLowerCase() !== 'websocket')
    return refused('CONNECT is served for the :protocol websocket alone', 501);
  if (fields.path === '*') return refused('a request for * is not forwarded', 501);
  if (!isPath(fields.path)) return refused('a :path with characters that none may have');
  if (fields.scheme !== 'http' && fields.scheme !== 'https') return refused('a :scheme other than http and https');
  if (host !== undefined && fields.authority !== undefined && host.toLowerCase() !== fields.authority.toLowerCase())
    return refused('a Host that is not the :authority');
  fields.authority ??= host;
  return fields.authority === undefined || isAuthority(fields.authority) ? ok(fields) : refused('an :authority that is none');
};

const isPath = (text: string): boolean => {
  if (!text.startsWith('/')) return false;
  for (let at = 0; at < text.length; at += 1) if (targetCodes[text.charCodeAt(at)] !== 1) return false;
  return true;
};
