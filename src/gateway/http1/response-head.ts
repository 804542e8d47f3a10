import { contentLengthOf, readFieldLines, tokens, type FieldLine } from './fields.ts';
import { codes, valueCodes } from './grammar.ts';
import type { MessageLength } from './message-body.ts';

/** How the gateway ends the head of an answer: what it says of its own connection and of the body's framing. */
export interface AnswerEnding {
  /** The body follows in chunks. */
  readonly chunked: boolean;
  /** `close` and `keep-alive` are said; undefined where what HTTP/1.1 takes for granted holds. */
  readonly connection: 'close' | 'keep-alive' | undefined;
  /** For a pod that gave none (RFC 9110 §6.6.1). */
  readonly date: string;
}

/** Ends at the gateway (RFC 9110 §7.6.1); the framing is written anew. */
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
]);

/** A pod's head, read once; what goes on keeps the pod's bytes. */
export class ResponseHead {
  readonly status: number;
  /** Of its body, for a request that may have one: HEAD is the caller's affair. */
  readonly length: MessageLength;
  /** The pod goes on with this connection. */
  readonly keepsAlive: boolean;
  /** Seconds that the pod says it keeps an idle connection for; undefined where it says none. */
  readonly keepAliveSeconds: number | undefined;
  readonly upgrade: string | undefined;
  readonly #text: string;
  readonly #fieldsAt: number;
  readonly #lines: readonly FieldLine[];
  readonly #named: readonly string[];

  private constructor(text: string, status: number, fieldsAt: number, lines: readonly FieldLine[], fields: ReadFields) {
    this.#text = text;
    this.status = status;
    this.#fieldsAt = fieldsAt;
    this.#lines = lines;
    this.length = fields.length;
    this.keepsAlive = fields.keepsAlive;
    this.keepAliveSeconds = fields.keepAliveSeconds;
    this.upgrade = fields.upgrade;
    this.#named = fields.connection.length === 0 ? fields.connection : fields.connection.filter((name) => name !== 'content-length');
  }

  /** `text` ends with its empty line; undefined where it is not a head of RFC 9112, or where two would read its body differently. */
  static read(text: string): ResponseHead | undefined {
    // "HTTP/1.1 200 OK": some leave out the blank before an empty phrase.
    const minor = text.startsWith('HTTP/1.') ? text.charCodeAt(7) - 0x30 : -1;
    if ((minor !== 0 && minor !== 1) || text.charCodeAt(8) !== codes.space) return undefined;
    const status = statusAt(text, 9);
    let at = 12;
    if (text.charCodeAt(at) === codes.space) while (valueCodes[text.charCodeAt(at)] === 1) at += 1;
    if (status < 100 || text.charCodeAt(at) !== codes.carriageReturn || text.charCodeAt(at + 1) !== codes.lineFeed) return undefined;
    const lines = readFieldLines(text, at + 2);
    const fields = lines === undefined ? undefined : readFields(text, lines, minor, status);
    return lines === undefined || fields === undefined ? undefined : new ResponseHead(text, status, at + 2, lines, fields);
  }

  /** As it goes to the client, with its empty line. */
  forClient({ chunked, connection, date }: AnswerEnding): string {
    const text = this.#text;
    let head = `HTTP/1.1${text.slice(8, this.#fieldsAt)}`;
    let hasDate = this.status < 200;
    let at = this.#fieldsAt;
    for (const line of this.#linesThatMatter()) {
      if (this.#passes(line, chunked)) hasDate ||= line.name === 'date';
      else {
        head += text.slice(at, line.start);
        at = line.end;
      }
    }
    head += text.slice(at, -2);
    if (!hasDate) head += `Date: ${date}\r\n`;
    if (connection !== undefined) head += `Connection: ${connection}\r\n`;
    if (chunked) head += 'Transfer-Encoding: chunked\r\n';
    return `${head}\r\n`;
  }

  /** The head of a 101, with its empty line. */
  forSwitched(protocol: string): string {
    return `${this.forClient({ chunked: false, connection: undefined, date: '' }).slice(0, -2)}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
  }

  /** As it goes to a client of HTTP/2: names in lower case and values in turn, without what is said of connection and framing. */
  fields(): string[] {
    const text = this.#text;
    const fields: string[] = [];
    for (const line of readFieldLines(text, this.#fieldsAt, () => true) ?? []) {
      const name = text.slice(line.start, line.nameEnd).toLowerCase();
      if ((line.name === 'other' || this.#passes(line, true)) && !this.#named.includes(name)) fields.push(name, text.slice(line.valueStart, line.valueEnd));
    }
    return fields;
  }

  /** Those that the gateway acts on, and those that `Connection` names. */
  #linesThatMatter(): readonly FieldLine[] {
    return this.#named.length === 0 ? this.#lines : (readFieldLines(this.#text, this.#fieldsAt, (lower) => this.#named.includes(lower)) ?? this.#lines);
  }

  #passes({ name }: FieldLine, chunked: boolean): boolean {
    if (notForwarded.has(name) || this.#named.includes(name)) return false;
    if (name === 'trailer') return chunked;
    // No body can follow, and a client might wait for one (RFC 9110 §8.6).
    return name !== 'content-length' || (this.status >= 200 && this.status !== 204);
  }
}

const statusAt = (text: string, at: number): number => {
  let status = 0;
  for (let index = at; index < at + 3; index += 1) {
    const digit = text.charCodeAt(index) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    status = status * 10 + digit;
  }
  return status;
};

interface ReadFields {
  connection: readonly string[];
  length: MessageLength;
  keepsAlive: boolean;
  keepAliveSeconds: number | undefined;
  upgrade: string | undefined;
}

const readFields = (text: string, lines: readonly FieldLine[], minorVersion: number, status: number): ReadFields | undefined => {
  const fields: ReadFields = { connection: [], length: 'until-close', keepsAlive: true, keepAliveSeconds: undefined, upgrade: undefined };
  let [codings, lengths] = [0, 0];
  for (const { name, valueStart, valueEnd, end } of lines) {
    if (name === 'content-length') {
      const length = contentLengthOf(text.slice(valueStart, valueEnd));
      if (length === undefined || (lengths += 1) > 1) return undefined;
      fields.length = length;
    } else if (name === 'transfer-encoding') {
      // Blanks behind it: node:http reads on to the end of the connection then.
      if (minorVersion === 0 || (codings += 1) > 1 || text.slice(valueStart, valueEnd).toLowerCase() !== 'chunked' || end > valueEnd + 2) return undefined;
    } else if (name === 'connection') fields.connection = [...fields.connection, ...tokens(text.slice(valueStart, valueEnd))];
    else if (name === 'upgrade') fields.upgrade = text.slice(valueStart, valueEnd);
    else if (name === 'keep-alive') fields.keepAliveSeconds = secondsIn(text.slice(valueStart, valueEnd));
  }
  if (codings > 0 && lengths > 0) return undefined;
  if (codings > 0) fields.length = 'chunked';
  if (status < 200 || status === 204 || status === 304) fields.length = 0;
  fields.keepsAlive = !fields.connection.includes('close') && (minorVersion === 1 || fields.connection.includes('keep-alive'));
  return fields;
};

const secondsIn = (value: string): number | undefined => {
  const seconds = /\btimeout=(\d{1,6})\b/i.exec(value)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
};
