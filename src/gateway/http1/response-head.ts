import { contentLengthOf, FieldReader, keepAliveToken, withTokens, type FieldName } from './fields.ts';
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
const notForwarded: ReadonlySet<FieldName> = new Set<FieldName>([
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

/** What `Connection` says of the connection itself, and what cannot be named away: some would look for the end of the body elsewhere then. */
const connectionOptions: ReadonlySet<string> = new Set(['close', 'keep-alive', 'content-length']);
const noNames: readonly string[] = [];

/** A pod's head, read once; what goes on keeps the pod's bytes. */
export class ResponseHead {
  status = 0;
  /** Of its body, for a request that may have one: HEAD is the caller's affair. */
  length: MessageLength = 'until-close';
  /** The pod goes on with this connection. */
  keepsAlive = true;
  /** Seconds that the pod says it keeps an idle connection for; undefined where it says none. */
  keepAliveSeconds: number | undefined;
  upgrade: string | undefined;
  readonly #text: string;
  /** Behind its empty line. */
  readonly #end: number;
  #minorVersion = 1;
  #fieldsAt = 0;
  /** Fields that `Connection` names. */
  #named = noNames;
  #hasDate = false;
  /** What ends here, where that is known by name and stands in one place. */
  #gapFrom = 0;
  #gapTo = 0;
  /** Else it has to be looked at line by line. */
  #hasOneGap = true;

  private constructor(text: string, end: number) {
    this.#text = text;
    this.#end = end;
  }

  /** `text` has it up to `end`, with its empty line; undefined where it is not a head of RFC 9112, or where two would read its body differently. */
  static read(text: string, end = text.length, bytes?: Uint8Array, start = 0): ResponseHead | undefined {
    const head = new ResponseHead(text, end);
    return head.#readStatusLine() && head.#readFields(new FieldReader(text, head.#fieldsAt, end, bytes, start)) ? head : undefined;
  }

  /** It may have to be given a Date. */
  get mayWantDate(): boolean {
    return !this.#hasDate || !this.#hasOneGap;
  }

  /** As it goes to the client, with its empty line. */
  forClient({ chunked, connection, date }: AnswerEnding): string {
    let head = this.#hasOneGap ? this.#upToGap + this.#text.slice(this.#gapTo, this.#end - 2) : this.#lineByLine(chunked);
    if (!this.#hasDate && this.status >= 200) head += `Date: ${date}\r\n`;
    if (connection !== undefined) head += `Connection: ${connection}\r\n`;
    if (chunked) head += 'Transfer-Encoding: chunked\r\n';
    return `${head}\r\n`;
  }

  get #upToGap(): string {
    return this.#minorVersion === 1 ? this.#text.slice(0, this.#gapFrom) : `HTTP/1.1${this.#text.slice(8, this.#gapFrom)}`;
  }

  #lineByLine(chunked: boolean): string {
    const text = this.#text;
    let head = `HTTP/1.1${text.slice(8, this.#fieldsAt)}`;
    this.#hasDate = false;
    let at = this.#fieldsAt;
    const fields = new FieldReader(text, at, this.#end);
    while (fields.next()) {
      if (this.#passes(fields, chunked)) this.#hasDate ||= fields.name === 'date';
      else {
        head += text.slice(at, fields.start);
        at = fields.end;
      }
    }
    return head + text.slice(at, this.#end - 2);
  }

  /** The head of a 101, with its empty line. */
  forSwitched(protocol: string): string {
    return `${this.forClient({ chunked: false, connection: undefined, date: '' }).slice(0, -2)}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
  }

  /** As it goes to a client of HTTP/2: names in lower case and values in turn, without what is said of connection and framing. */
  fields(): string[] {
    const passed: string[] = [];
    const fields = new FieldReader(this.#text, this.#fieldsAt, this.#end);
    while (fields.next()) if (this.#passes(fields, true)) passed.push(fields.lowerName, fields.value);
    return passed;
  }

  #passes(fields: FieldReader, chunked: boolean): boolean {
    const { name } = fields;
    if (this.#named.length > 0 && this.#named.includes(fields.lowerName)) return false;
    if (name === undefined) return true;
    if (notForwarded.has(name)) return false;
    if (name === 'trailer') return chunked;
    // No body can follow, and a client might wait for one (RFC 9110 §8.6).
    return name !== 'content-length' || (this.status >= 200 && this.status !== 204);
  }

  #readStatusLine(): boolean {
    const text = this.#text;
    const minorVersion = text.startsWith('HTTP/1.') ? text.charCodeAt(7) - 0x30 : -1;
    if ((minorVersion !== 0 && minorVersion !== 1) || text.charCodeAt(8) !== codes.space) return false;
    this.#minorVersion = minorVersion;
    this.status = statusAt(text, 9);
    let at = 12;
    // "HTTP/1.1 200 OK": some leave out the blank before an empty phrase.
    if (text.charCodeAt(at) === codes.space) while (valueCodes[text.charCodeAt(at)] === 1) at += 1;
    this.#fieldsAt = at + 2;
    // HTTP/1.0 has no interim answers (RFC 9110 §15.2): some take one for the answer, and what follows for nobody's.
    const least = minorVersion === 0 ? 200 : 100;
    return this.status >= least && text.charCodeAt(at) === codes.carriageReturn && text.charCodeAt(at + 1) === codes.lineFeed;
  }

  #readFields(fields: FieldReader): boolean {
    const minorVersion = this.#minorVersion;
    let connection = noNames;
    let [codings, lengths] = [0, 0];
    while (fields.next()) {
      const { name } = fields;
      if (name === undefined) continue;
      if (name === 'date') this.#hasDate = true;
      else if (name === 'content-length') {
        const length = contentLengthOf(fields.text, fields.valueStart, fields.valueEnd);
        if (length === undefined || (lengths += 1) > 1) return false;
        this.length = length;
      } else {
        if (name === 'transfer-encoding') {
          // Blanks behind it: node:http reads on to the end of the connection then.
          if (minorVersion === 0 || (codings += 1) > 1 || fields.value.toLowerCase() !== 'chunked' || fields.end > fields.valueEnd + 2) return false;
        } else if (name === 'connection') connection = withTokens(connection, fields.value);
        else if (name === 'upgrade') this.upgrade = fields.value;
        else if (name === 'keep-alive') this.keepAliveSeconds = secondsIn(fields.value);
        else if (name === 'trailer') this.#hasOneGap = false;
        if (notForwarded.has(name)) this.#leaveOut(fields.start, fields.end);
      }
    }
    if (fields.malformed || (codings > 0 && lengths > 0)) return false;
    if (codings > 0) this.length = 'chunked';
    if (this.status < 200 || this.status === 204 || this.status === 304) this.length = 0;
    this.keepsAlive = connection === noNames ? minorVersion === 1 : !connection.includes('close') && (minorVersion === 1 || connection.includes('keep-alive'));
    if (connection !== noNames && connection !== keepAliveToken) this.#named = connection.filter((name) => !connectionOptions.has(name));
    if (this.#named.length > 0 || this.status < 200 || this.status === 204) this.#hasOneGap = false;
    if (this.#gapTo === 0) this.#gapFrom = this.#gapTo = this.#fieldsAt;
    return true;
  }

  #leaveOut(start: number, end: number): void {
    if (this.#gapTo === 0) this.#gapFrom = start;
    else if (this.#gapTo !== start) this.#hasOneGap = false;
    this.#gapTo = end;
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

const secondsIn = (value: string): number | undefined => {
  const seconds = /\btimeout=(\d{1,6})\b/i.exec(value)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
};
