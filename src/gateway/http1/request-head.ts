import type { IncomingMessage } from 'node:http';
import { failed, ok, type Result } from '../../core/index.ts';
import type { RequestHead } from '../call.ts';

/** Why a head that Node's parser took is refused all the same. */
export interface HeadProblem {
  readonly status: 400 | 501;
  readonly detail: string;
}

/** Never forwarded (RFC 9110 §7.6.1), whatever `Connection` says. `content-length`, `host` and the body's framing are our own affair and cannot be named away. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
]);
const forwarding: ReadonlySet<string> = new Set(['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port', 'x-real-ip']);

/** The tokens of a comma-separated list, in lower case. */
export const tokens = (value: string): readonly string[] =>
  value
    .split(',')
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== '');

/** A request's head, read once from the raw headers: order, case and duplicates are kept for forwarding. */
export class Head implements RequestHead {
  readonly path: string;
  readonly host: string;
  /** As sent upstream. */
  readonly authority: string | undefined;
  readonly userAgent: string;
  readonly hasBody: boolean;
  /** The protocol that the client wants to change to; undefined where it wants none that can be passed on. */
  readonly upgrade: string | undefined;
  readonly #raw: readonly string[];
  readonly #dropped: ReadonlySet<string>;

  private constructor(raw: readonly string[], path: string, fields: HeadFields) {
    this.#raw = raw;
    this.path = path;
    this.authority = fields.authority;
    this.host = hostOf(fields.authority ?? '');
    this.userAgent = fields.userAgent;
    this.hasBody = fields.hasBody;
    const options = fields.connection.flatMap(tokens);
    this.#dropped = new Set(options.filter((name) => name !== 'content-length' && name !== 'host'));
    this.upgrade = options.includes('upgrade') && !fields.hasBody ? fields.upgrade : undefined;
  }

  static read(request: IncomingMessage): Result<Head, HeadProblem> {
    const fields = scan(request.rawHeaders);
    if (fields.hosts > 1) return failed({ status: 400, detail: 'more than one Host' });
    if (fields.hosts === 0 && request.httpVersionMinor > 0) return failed({ status: 400, detail: 'no Host' });
    if (fields.authority !== undefined && !isAuthority(fields.authority)) return failed({ status: 400, detail: 'a Host that is none' });
    if (fields.codings.length > 0) {
      // Node takes `identity, chunked` and a coding in a request of HTTP/1.0; each has been read differently by someone (RFC 9112 §6.1, §6.3).
      if (request.httpVersionMinor === 0) return failed({ status: 400, detail: 'Transfer-Encoding in a request of HTTP/1.0' });
      if (fields.codings.join().trim().toLowerCase() !== 'chunked') return failed({ status: 501, detail: 'the only transfer coding understood is chunked' });
    }
    if (request.httpVersionMajor !== 1) return failed({ status: 400, detail: `HTTP/${request.httpVersion} in the form of HTTP/1.1` });
    const target = request.url ?? '/';
    if (target.startsWith('/')) return ok(new Head(request.rawHeaders, target, fields));
    if (target === '*') return failed({ status: 501, detail: 'a request for * is not forwarded' });
    // Absolute form: its authority counts, not the Host beside it (RFC 9112 §3.2.2).
    const absolute = /^https?:\/\/([^/?#@\s]+)([/?][^#\s]*)?$/i.exec(target);
    if (absolute?.[1] === undefined || !isAuthority(absolute[1]))
      return failed({ status: 400, detail: 'a request target that is neither a path nor an absolute URL' });
    const path = absolute[2] ?? '/';
    return ok(new Head(request.rawHeaders, path.startsWith('/') ? path : `/${path}`, { ...fields, authority: absolute[1] }));
  }

  hasHeader(name: string): boolean {
    for (let index = 0; index < this.#raw.length; index += 2) if (this.#raw[index]?.toLowerCase() === name) return true;
    return false;
  }

  /** The first value; `name` in lower case. */
  header(name: string): string | undefined {
    for (let index = 0; index < this.#raw.length; index += 2) if (this.#raw[index]?.toLowerCase() === name) return this.#raw[index + 1];
    return undefined;
  }

  /**
   * Name and value in turn, for the pod. Where the gateway stands in for a direct connection (`edge` false) the peer is appended to X-Forwarded-For and the
   * others are set only where absent; as the edge it replaces them all, since anyone may have written them.
   */
  forUpstream(peer: string, edge: boolean): string[] {
    const headers: string[] = [];
    let forwardedFor: string | undefined;
    let [hasHost, hasProto] = [false, false];
    for (let index = 0; index < this.#raw.length; index += 2) {
      const [name = '', value = ''] = [this.#raw[index], this.#raw[index + 1]];
      const lower = name.toLowerCase();
      if (lower === 'te' && tokens(value).includes('trailers')) headers.push(name, 'trailers');
      if (hopByHop.has(lower) || this.#dropped.has(lower) || (lower === 'host' && this.authority !== undefined)) continue;
      if (edge && forwarding.has(lower)) continue;
      if (lower === 'x-forwarded-for') {
        forwardedFor = forwardedFor === undefined ? value : `${forwardedFor}, ${value}`;
        continue;
      }
      hasHost ||= lower === 'x-forwarded-host';
      hasProto ||= lower === 'x-forwarded-proto';
      headers.push(name, value);
    }
    if (this.authority !== undefined) headers.push('Host', this.authority);
    headers.push('X-Forwarded-For', forwardedFor === undefined ? peer : `${forwardedFor}, ${peer}`);
    if (!hasProto) headers.push('X-Forwarded-Proto', 'http');
    if (!hasHost && this.authority !== undefined) headers.push('X-Forwarded-Host', this.authority);
    return headers;
  }
}

/** `uri-host [":" port]` (RFC 9110 §7.2, RFC 3986 §3.2.2): what stands in Host goes into routing, into logs and to the pod. */
const isAuthority = (text: string): boolean => /^(?:\[[\da-z:.%_~-]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i.test(text);

interface HeadFields {
  readonly hosts: number;
  readonly authority: string | undefined;
  readonly userAgent: string;
  readonly connection: readonly string[];
  readonly codings: readonly string[];
  readonly hasBody: boolean;
  readonly upgrade: string | undefined;
}

const scan = (raw: readonly string[]): HeadFields => {
  let hosts = 0;
  let [authority, upgrade]: (string | undefined)[] = [];
  let userAgent = '';
  let hasBody = false;
  const connection: string[] = [];
  const codings: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const value = raw[index + 1] ?? '';
    switch (raw[index]?.toLowerCase()) {
      case 'host':
        hosts += 1;
        authority = value;
        break;
      case 'user-agent':
        userAgent = value;
        break;
      case 'connection':
        connection.push(value);
        break;
      case 'transfer-encoding':
        codings.push(value);
        hasBody = true;
        break;
      case 'content-length':
        hasBody ||= value !== '0';
        break;
      case 'upgrade':
        upgrade = value;
        break;
      default:
        break;
    }
  }
  return { hosts, authority, userAgent, connection, codings, hasBody, upgrade };
};

/** `Example.com:8080` → `example.com`; an IPv6 address keeps its brackets. */
const hostOf = (authority: string): string => authority.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
