import { failed, ok, type Result } from '../../core/index.ts';
import type { RequestHead } from '../call.ts';
import type { Scheme } from '../entrance.ts';
import { contentLengthOf, isForwarding, readFieldLines, tokens, type FieldLine } from './fields.ts';
import { codes, targetCodes, tokenCodes } from './grammar.ts';
import type { MessageLength } from './message-body.ts';

/** Why a head is refused. Its connection is closed with it: nobody knows where the next request begins. */
export interface HeadProblem {
  readonly status: 400 | 417 | 501;
  readonly detail: string;
}

/** Ends at the gateway (RFC 9110 §7.6.1), whatever `Connection` says. The framing of the body is written anew. */
const notForwarded: ReadonlySet<FieldLine['name']> = new Set<FieldLine['name']>([
  'other',
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'x-forwarded-for',
]);
/** What `Connection` says of the connection itself; every other token there names a field that ends here. */
const connectionOptions: ReadonlySet<string> = new Set(['close', 'keep-alive', 'upgrade']);
/** Cannot be named away by `Connection`: without them the pod would read the message otherwise than we did. */
const cannotBeNamed: ReadonlySet<string> = new Set(['content-length', 'host', 'te', 'trailer']);

/** What stood in the fields that the gateway acts on. */
interface ReadFields {
  authority: string | undefined;
  userAgent: string;
  connection: readonly string[];
  length: MessageLength;
  upgrade: string | undefined;
  expect: string | undefined;
}

/** A `FieldLine`. */
const bytesPerLine = 80;

/** A request's head, read once. The text is kept as it came: order, case, duplicates and bytes of what is passed on are the client's. */
export class Head implements RequestHead {
  readonly method: string;
  /** In origin form, byte for byte as sent. */
  readonly path: string;
  /** As sent upstream; undefined in a request of HTTP/1.0 without `Host`. */
  readonly authority: string | undefined;
  readonly minorVersion: 0 | 1;
  readonly userAgent: string;
  readonly length: MessageLength;
  /** The client wants the connection to go on. */
  readonly keepsAlive: boolean;
  /** The client sends its body when a pod has said that it will read it. */
  readonly expectsContinue: boolean;
  /** The protocol that the client wants to change to; undefined where it wants none that can be passed on. */
  readonly upgrade: string | undefined;
  readonly #text: string;
  readonly #fieldsAt: number;
  readonly #lines: readonly FieldLine[];
  readonly #absolute: boolean;
  /** Fields that `Connection` names. */
  readonly #named: readonly string[];

  private constructor(text: string, line: RequestLine, lines: readonly FieldLine[], fields: ReadFields) {
    const { connection } = fields;
    this.#text = text;
    this.#fieldsAt = line.end;
    this.#lines = lines;
    this.method = line.method;
    this.path = line.path;
    this.minorVersion = line.minorVersion;
    this.#absolute = line.authority !== undefined;
    this.authority = line.authority ?? fields.authority;
    this.userAgent = fields.userAgent;
    this.length = fields.length;
    this.expectsContinue = fields.expect !== undefined && line.minorVersion === 1 && fields.length !== 0;
    this.keepsAlive = line.minorVersion === 1 ? !connection.includes('close') : connection.includes('keep-alive') && !connection.includes('close');
    this.#named = connection.length === 0 ? connection : connection.filter((name) => !connectionOptions.has(name) && !cannotBeNamed.has(name));
    this.upgrade = canUpgrade(line, fields) ? fields.upgrade : undefined;
  }

  /** `text` ends with its empty line. An empty line before the request line is passed over (RFC 9112 §2.2). */
  static read(text: string): Result<Head, HeadProblem> {
    const line = readRequestLine(text, text.startsWith('\r\n') ? 2 : 0);
    if (!line.ok) return line;
    const lines = readFieldLines(text, line.value.end);
    if (lines === undefined) return refused('a header line that is not one of RFC 9112');
    const fields = readFields(text, lines, line.value.minorVersion);
    return fields.ok ? ok(new Head(text, line.value, lines, fields.value)) : fields;
  }

  get host(): string {
    return hostOf(this.authority ?? '');
  }

  /** What it costs in memory. */
  get bytes(): number {
    return this.#text.length + this.#lines.length * bytesPerLine;
  }

  get hasBody(): boolean {
    return this.length !== 0;
  }

  hasHeader(name: string): boolean {
    return this.header(name) !== undefined;
  }

  /** The first value; `name` in lower case. */
  header(name: string): string | undefined {
    const line = readFieldLines(this.#text, this.#fieldsAt, (lower) => lower === name)?.find(
      ({ start, nameEnd }) => this.#text.slice(start, nameEnd).toLowerCase() === name,
    );
    return line === undefined ? undefined : this.#text.slice(line.valueStart, line.valueEnd);
  }

  /**
   * The head as it goes to a pod, with its empty line. Where the gateway stands in for a direct connection (`edge` false) the peer is appended to X-Forwarded-For and the
   * others are set only where absent; as the edge it replaces them all, since anyone may have written them. `podAuthority`: for a request without `Host`.
   */
  forUpstream(peer: string, edge: boolean, podAuthority: string, scheme: Scheme = 'http'): string {
    const text = this.#text;
    const authority = this.authority ?? podAuthority;
    let head = `${this.method} ${this.path} HTTP/1.1\r\n`;
    if (this.#absolute || this.authority === undefined) head += `Host: ${authority}\r\n`;
    let forwardedBefore = '';
    let [hasHost, hasProto] = [false, false];
    let at = this.#fieldsAt;
    for (const line of this.#linesThatMatter(edge)) {
      const { name, start, nameEnd, valueStart, valueEnd, end } = line;
      if (this.#passes(line, edge)) {
        if (name === 'x-forwarded-host') hasHost = true;
        else if (name === 'x-forwarded-proto') hasProto = true;
        continue;
      }
      head += text.slice(at, start);
      at = end;
      if (name === 'te' && tokens(text.slice(valueStart, valueEnd)).includes('trailers')) head += `${text.slice(start, nameEnd)}: trailers\r\n`;
      else if (name === 'x-forwarded-for' && !edge && !this.#named.includes(name)) forwardedBefore += `${text.slice(valueStart, valueEnd)}, `;
    }
    head += `${text.slice(at, -2)}X-Forwarded-For: ${forwardedBefore}${peer}\r\n`;
    if (!hasProto) head += `X-Forwarded-Proto: ${scheme}\r\n`;
    if (!hasHost && this.authority !== undefined) head += `X-Forwarded-Host: ${authority}\r\n`;
    if (this.length === 'chunked') head += 'Transfer-Encoding: chunked\r\n';
    if (this.upgrade !== undefined) head += `Connection: Upgrade\r\nUpgrade: ${this.upgrade}\r\n`;
    return `${head}\r\n`;
  }

  /** Those that the gateway acts on, and those that end here: named by `Connection`, or written as a forwarding field at the edge. */
  #linesThatMatter(edge: boolean): readonly FieldLine[] {
    if (!edge && this.#named.length === 0) return this.#lines;
    return readFieldLines(this.#text, this.#fieldsAt, (lower) => this.#named.includes(lower) || (edge && isForwarding(lower))) ?? this.#lines;
  }

  #passes({ name }: FieldLine, edge: boolean): boolean {
    if (notForwarded.has(name) || this.#named.includes(name)) return false;
    if (name === 'host') return !this.#absolute;
    if (name === 'trailer') return this.length === 'chunked';
    if (name === 'expect') return this.expectsContinue;
    return !edge || !isForwarding(name);
  }
}

interface RequestLine {
  readonly method: string;
  readonly path: string;
  /** Of an absolute target: it counts, not the Host beside it (RFC 9112 §3.2.2). */
  readonly authority: string | undefined;
  readonly minorVersion: 0 | 1;
  /** Behind its CRLF. */
  readonly end: number;
}

const refused = (detail: string, status: HeadProblem['status'] = 400): { readonly ok: false; readonly problem: HeadProblem } => failed({ status, detail });

/** `method SP request-target SP "HTTP/1." ("0" / "1") CRLF`, one blank each, nothing else (RFC 9112 §3). */
const readRequestLine = (text: string, from: number): Result<RequestLine, HeadProblem> => {
  let at = from;
  while (tokenCodes[text.charCodeAt(at)] === 1) at += 1;
  if (at === from || text.charCodeAt(at) !== codes.space) return refused('a request line without a method');
  const method = text.slice(from, at);
  const targetStart = at + 1;
  at = targetStart;
  while (targetCodes[text.charCodeAt(at)] === 1) at += 1;
  if (at === targetStart || text.charCodeAt(at) !== codes.space) return refused('a request target with characters that none may have');
  const target = text.slice(targetStart, at);
  const minor = text.startsWith('HTTP/1.', at + 1) ? text.charCodeAt(at + 8) - 0x30 : -1;
  const end = at + 11;
  if ((minor !== 0 && minor !== 1) || text.charCodeAt(end - 2) !== codes.carriageReturn || text.charCodeAt(end - 1) !== codes.lineFeed)
    return refused('a request line that does not end in HTTP/1.1 or HTTP/1.0');
  if (method === 'CONNECT') return refused('CONNECT is not served');
  if (target.startsWith('/')) return ok({ method, path: target, authority: undefined, minorVersion: minor, end });
  if (target === '*') return refused('a request for * is not forwarded', 501);
  const absolute = /^https?:\/\/([^/?@]+)([/?].*)?$/i.exec(target);
  if (absolute?.[1] === undefined || !isAuthority(absolute[1])) return refused('a request target that is neither a path nor an absolute URL');
  const path = absolute[2] ?? '/';
  return ok({ method, path: path.startsWith('/') ? path : `/${path}`, authority: absolute[1], minorVersion: minor, end });
};

const readFields = (text: string, lines: readonly FieldLine[], minorVersion: 0 | 1): Result<ReadFields, HeadProblem> => {
  const fields: ReadFields = { authority: undefined, userAgent: '', connection: [], length: 0, upgrade: undefined, expect: undefined };
  let [codings, lengths] = [0, 0];
  for (const { name, valueStart, valueEnd, end } of lines) {
    const value = text.slice(valueStart, valueEnd);
    if (name === 'host') {
      if (fields.authority !== undefined) return refused('more than one Host');
      if (!isAuthority(value)) return refused('a Host that is none');
      fields.authority = value;
    } else if (name === 'user-agent') fields.userAgent = value;
    else if (name === 'connection') fields.connection = [...fields.connection, ...tokens(value)];
    else if (name === 'upgrade') fields.upgrade = value;
    else if (name === 'expect') {
      if (value.toLowerCase() !== '100-continue') return refused('an expectation other than 100-continue', 417);
      fields.expect = value;
    } else if (name === 'content-length') {
      const length = contentLengthOf(value);
      if (length === undefined || (lengths += 1) > 1) return refused('a Content-Length that is not one number');
      fields.length = length;
    } else if (name === 'transfer-encoding') {
      // Each of these has been read differently by someone (RFC 9112 §6.1, §6.3); blanks behind it too.
      if (minorVersion === 0) return refused('Transfer-Encoding in a request of HTTP/1.0');
      if ((codings += 1) > 1 || value.toLowerCase() !== 'chunked' || end > valueEnd + 2)
        return refused('the only transfer coding understood is chunked, once', 501);
    }
  }
  if (fields.authority === undefined && minorVersion === 1) return refused('no Host');
  if (codings > 0 && lengths > 0) return refused('both a Content-Length and a Transfer-Encoding');
  if (codings > 0) fields.length = 'chunked';
  return ok(fields);
};

/** An offer, if there is one, can be passed on: one of h2c, or one with a body, is an ordinary request (RFC 9110 §7.8). */
const canUpgrade = ({ method, minorVersion }: RequestLine, { connection, length, upgrade }: ReadFields): boolean =>
  minorVersion === 1 && method === 'GET' && length === 0 && connection.includes('upgrade') && !/^(?:h2c?)?$/i.test(upgrade ?? '');

/** Most requests of a connection name the same one. */
let lastAuthority = '';

/** `uri-host [":" port]` (RFC 9110 §7.2, RFC 3986 §3.2.2): what stands in Host goes into routing, into logs and to the pod. */
export const isAuthority = (text: string): boolean => {
  if (text === lastAuthority) return true;
  if (!/^(?:\[[\da-z:.%_~-]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i.test(text)) return false;
  lastAuthority = text;
  return true;
};

/** `Example.com:8080` → `example.com`; an IPv6 address keeps its brackets. */
export const hostOf = (authority: string): string => authority.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
