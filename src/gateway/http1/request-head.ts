import { failed, ok, type Result } from '../../core/index.ts';
import type { LoggedRequest, Scheme } from '../request.ts';
import type { PodFields } from '../tracing.ts';
import { contentLengthOf, FieldReader, isForwarding, tokens, withTokens, type FieldName } from './fields.ts';
import { codes, targetCodes, tokenCodes } from './grammar.ts';
import type { MessageLength } from './message-body.ts';

/** Why a head is refused. Its connection is closed with it: nobody knows where the next request begins. */
export interface HeadProblem {
  readonly status: 400 | 417 | 501;
  readonly detail: string;
}

/** Ends at the gateway (RFC 9110 §7.6.1), whatever `Connection` says. The framing of the body is written anew. */
const notForwarded: ReadonlySet<FieldName | undefined> = new Set<FieldName>([
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

/** A `Head` without its text. */
const bytesPerHead = 256;
const noNames: readonly string[] = [];
/** Where the gateway is not the edge these go on as they came. */
const passesAsItCame: ReadonlySet<FieldName> = new Set<FieldName>([
  'content-length',
  'date',
  'forwarded',
  'host',
  'user-agent',
  'x-forwarded-port',
  'x-real-ip',
]);

/** A request's head, read once. The text is kept as it came: order, case, duplicates and bytes of what is passed on are the client's. */
export class Head implements LoggedRequest {
  method = '';
  /** In origin form, byte for byte as sent. */
  path = '';
  /** As sent upstream; undefined in a request of HTTP/1.0 without `Host`. */
  authority: string | undefined;
  minorVersion: 0 | 1 = 1;
  userAgent = '';
  length: MessageLength = 0;
  /** The client wants the connection to go on. */
  keepsAlive = true;
  /** The client sends its body when a pod has said that it will read it. */
  expectsContinue = false;
  /** The protocol that the client wants to change to; undefined where it wants none that can be passed on. */
  upgrade: string | undefined;
  readonly #text: string;
  /** Behind its empty line. */
  readonly #end: number;
  #lineAt = 0;
  #fieldsAt = 0;
  /** The authority of an absolute target counts, not the Host beside it (RFC 9112 §3.2.2). */
  #absolute = false;
  /** Fields that `Connection` names. */
  #named = noNames;
  /** A field ends here or is written anew, also where the gateway is not the edge. */
  #changes = false;

  private constructor(text: string, end: number) {
    this.#text = text;
    this.#end = end;
  }

  /** `text` has it up to `end`, with its empty line. An empty line before the request line is passed over (RFC 9112 §2.2). */
  static read(text: string, end = text.length, bytes?: Uint8Array, start = 0): Result<Head, HeadProblem> {
    const head = new Head(text, end);
    const problem = head.#readRequestLine(text.startsWith('\r\n') ? 2 : 0) ?? head.#readFields(new FieldReader(text, head.#fieldsAt, end, bytes, start));
    return problem === undefined ? ok(head) : failed(problem);
  }

  get protocol(): string {
    return `HTTP/1.${this.minorVersion}`;
  }

  get host(): string {
    return hostOf(this.authority ?? '');
  }

  /** What it costs in memory. */
  get bytes(): number {
    return this.#text.length + bytesPerHead;
  }

  get hasBody(): boolean {
    return this.length !== 0;
  }

  hasHeader(name: string): boolean {
    return this.header(name) !== undefined;
  }

  /** The first value; `name` in lower case. */
  header(name: string): string | undefined {
    const fields = new FieldReader(this.#text, this.#fieldsAt, this.#end);
    while (fields.next()) if (fields.lowerName === name) return fields.value;
    return undefined;
  }

  /** All values, in order. */
  headers(name: string): readonly string[] {
    const values: string[] = [];
    const fields = new FieldReader(this.#text, this.#fieldsAt, this.#end);
    while (fields.next()) if (fields.lowerName === name) values.push(fields.value);
    return values;
  }

  /**
   * The head as it goes to a pod, with its empty line. Where the gateway stands in for a direct connection (`edge` false) the peer is appended to X-Forwarded-For and the
   * others are set only where absent; as the edge it replaces them all, since anyone may have written them. `podAuthority`: for a request without `Host`.
   * `instead`: takes the place of the client's fields of those names.
   */
  forUpstream(peer: string, edge: boolean, podAuthority: string, instead?: PodFields, scheme: Scheme = 'http'): string {
    const authority = this.authority ?? podAuthority;
    if (!edge && !this.#changes && instead === undefined && this.minorVersion === 1)
      return this.#text.slice(this.#lineAt, this.#end - 2) + forwardedBy(peer, scheme, authority);
    let head = `${this.method} ${this.path} HTTP/1.1\r\n`;
    if (this.#absolute || this.authority === undefined) head += `Host: ${authority}\r\n`;
    head += this.#fieldsForUpstream(peer, edge, instead, scheme);
    if (this.length === 'chunked') head += 'Transfer-Encoding: chunked\r\n';
    if (this.upgrade !== undefined) head += `Connection: Upgrade\r\nUpgrade: ${this.upgrade}\r\n`;
    return `${head}\r\n`;
  }

  #fieldsForUpstream(peer: string, edge: boolean, instead: PodFields | undefined, scheme: Scheme): string {
    const text = this.#text;
    let [passed, forwardedBefore] = ['', ''];
    let [hasHost, hasProto] = [false, false];
    let at = this.#fieldsAt;
    const fields = new FieldReader(text, at, this.#end);
    while (fields.next()) {
      const { name } = fields;
      if (this.#passes(fields, edge) && instead?.has(fields.lowerName) !== true) {
        if (name === 'x-forwarded-host') hasHost = true;
        else if (name === 'x-forwarded-proto') hasProto = true;
        continue;
      }
      passed += text.slice(at, fields.start);
      at = fields.end;
      if (name === 'te' && tokens(fields.value).includes('trailers')) passed += `${text.slice(fields.start, fields.nameEnd)}: trailers\r\n`;
      else if (name === 'x-forwarded-for' && !edge) forwardedBefore += `${fields.value}, `;
    }
    passed += `${text.slice(at, this.#end - 2)}X-Forwarded-For: ${forwardedBefore}${peer}\r\n`;
    if (!hasProto) passed += `X-Forwarded-Proto: ${scheme}\r\n`;
    if (!hasHost && this.authority !== undefined) passed += `X-Forwarded-Host: ${this.authority}\r\n`;
    if (instead !== undefined) for (const [name, value] of instead) if (value !== undefined) passed += `${name}: ${value}\r\n`;
    return passed;
  }

  #passes(fields: FieldReader, edge: boolean): boolean {
    const { name } = fields;
    if (this.#named.length > 0 && this.#named.includes(fields.lowerName)) return false;
    if (name === undefined) return !edge || !fields.mayBeForwarding || !isForwarding(fields.lowerName);
    if (notForwarded.has(name)) return false;
    if (name === 'host') return !this.#absolute;
    if (name === 'trailer') return this.length === 'chunked';
    if (name === 'expect') return this.expectsContinue;
    return !edge || !isForwarding(name);
  }

  /** `method SP request-target SP "HTTP/1." ("0" / "1") CRLF`, one blank each, nothing else (RFC 9112 §3). */
  #readRequestLine(from: number): HeadProblem | undefined {
    const text = this.#text;
    this.#lineAt = from;
    let at = from;
    while (tokenCodes[text.charCodeAt(at)] === 1) at += 1;
    if (at === from || text.charCodeAt(at) !== codes.space) return refused('a request line without a method');
    this.method = text.startsWith('GET ', from) ? 'GET' : text.slice(from, at);
    const targetStart = at + 1;
    at = targetStart;
    while (targetCodes[text.charCodeAt(at)] === 1) at += 1;
    if (at === targetStart || text.charCodeAt(at) !== codes.space) return refused('a request target with characters that none may have');
    this.path = text.slice(targetStart, at);
    const minor = text.startsWith('HTTP/1.', at + 1) ? text.charCodeAt(at + 8) - 0x30 : -1;
    this.#fieldsAt = at + 11;
    if ((minor !== 0 && minor !== 1) || text.charCodeAt(at + 9) !== codes.carriageReturn || text.charCodeAt(at + 10) !== codes.lineFeed)
      return refused('a request line that does not end in HTTP/1.1 or HTTP/1.0');
    this.minorVersion = minor;
    if (this.method === 'CONNECT') return refused('CONNECT is not served');
    return this.path.startsWith('/') ? undefined : this.#readAbsolute(this.path);
  }

  #readAbsolute(target: string): HeadProblem | undefined {
    if (target === '*') return refused('a request for * is not forwarded', 501);
    const absolute = /^https?:\/\/([^/?@]+)([/?].*)?$/i.exec(target);
    if (absolute?.[1] === undefined || !isAuthority(absolute[1])) return refused('a request target that is neither a path nor an absolute URL');
    const path = absolute[2] ?? '/';
    this.path = path.startsWith('/') ? path : `/${path}`;
    this.authority = absolute[1];
    this.#absolute = true;
    return undefined;
  }

  #readFields(fields: FieldReader): HeadProblem | undefined {
    let connection = noNames;
    let host: string | undefined;
    let upgrade: string | undefined;
    let expects = false;
    let [codings, lengths] = [0, 0];
    while (fields.next()) {
      const { name } = fields;
      if (name === undefined) continue;
      if (name === 'host') {
        if (host !== undefined) return refused('more than one Host');
        host = fields.value;
        if (!isAuthority(host)) return refused('a Host that is none');
        host = lastAuthority;
        continue;
      }
      if (name === 'user-agent') {
        this.userAgent = fields.value;
        continue;
      }
      if (name === 'connection') connection = withTokens(connection, fields.value);
      else if (name === 'upgrade') upgrade = fields.value;
      else if (name === 'expect') {
        if (fields.value.toLowerCase() !== '100-continue') return refused('an expectation other than 100-continue', 417);
        expects = true;
      } else if (name === 'content-length') {
        const length = contentLengthOf(fields.text, fields.valueStart, fields.valueEnd);
        if (length === undefined || (lengths += 1) > 1) return refused('a Content-Length that is not one number');
        this.length = length;
      } else if (name === 'transfer-encoding') {
        // Each of these has been read differently by someone (RFC 9112 §6.1, §6.3); blanks behind it too.
        if (this.minorVersion === 0) return refused('Transfer-Encoding in a request of HTTP/1.0');
        if ((codings += 1) > 1 || fields.value.toLowerCase() !== 'chunked' || fields.end > fields.valueEnd + 2)
          return refused('the only transfer coding understood is chunked, once', 501);
      }
      this.#changes ||= !passesAsItCame.has(name);
    }
    if (fields.malformed) return refused('a header line that is not one of RFC 9112');
    if (host === undefined && this.minorVersion === 1) return refused('no Host');
    if (codings > 0 && lengths > 0) return refused('both a Content-Length and a Transfer-Encoding');
    if (codings > 0) this.length = 'chunked';
    this.authority ??= host;
    this.expectsContinue = expects && this.minorVersion === 1 && this.length !== 0;
    this.keepsAlive = (this.minorVersion === 1 || connection.includes('keep-alive')) && !connection.includes('close');
    // What proxies in front have said of where a request comes from cannot be named away either.
    if (connection !== noNames) this.#named = connection.filter((name) => !connectionOptions.has(name) && !cannotBeNamed.has(name) && !isForwarding(name));
    if (upgrade !== undefined && connection.includes('upgrade') && this.#mayUpgrade(upgrade)) this.upgrade = upgrade;
    this.#changes ||= this.#absolute || this.authority === undefined;
    return undefined;
  }

  /** An offer of h2c, or one with a body, is an ordinary request (RFC 9110 §7.8). */
  #mayUpgrade(protocol: string): boolean {
    return this.minorVersion === 1 && this.method === 'GET' && this.length === 0 && !/^(?:h2c?)?$/i.test(protocol);
  }
}

const refused = (detail: string, status: HeadProblem['status'] = 400): HeadProblem => ({ status, detail });

/** Most requests of a connection name the same one. */
let lastAuthority = '';

/** `uri-host [":" port]` (RFC 9110 §7.2, RFC 3986 §3.2.2): what stands in Host goes into routing, into logs and to the pod. */
export const isAuthority = (text: string): boolean => {
  if (text === lastAuthority) return true;
  if (!/^(?:\[[\da-z:.%_~-]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i.test(text)) return false;
  lastAuthority = text;
  return true;
};

const forwardedLines = (peer: string, scheme: Scheme, authority: string): string =>
  `X-Forwarded-For: ${peer}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Host: ${authority}\r\n\r\n`;

/** Most requests come from few peers, and for few hosts. */
let lastForwarded = { peer: '', scheme: 'http', authority: '', lines: '' };

/** The end of a head that nobody in front of the gateway has said anything of the kind in. */
const forwardedBy = (peer: string, scheme: Scheme, authority: string): string => {
  const last = lastForwarded;
  if (peer === last.peer && authority === last.authority && scheme === last.scheme) return last.lines;
  const lines = forwardedLines(peer, scheme, authority);
  // In one piece, not as the tree of pieces that V8 makes of it, and would go through with each request.
  lastForwarded = { peer, scheme, authority, lines: Buffer.from(lines, 'latin1').toString('latin1') };
  return lastForwarded.lines;
};

/** `Example.com:8080` → `example.com`; an IPv6 address keeps its brackets. */
export const hostOf = (authority: string): string => authority.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
