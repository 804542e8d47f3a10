import type { Wire } from './wire.ts';

/** HTTP/1.1 messages off a wire, read as strictly as RFC 9112 has them: what is ambiguous is an error, so that nothing that the gateway writes passes unnoticed. */

export type Field = readonly [name: string, value: string];

export interface RawMessage {
  readonly startLine: string;
  /** In order, with case and duplicates; without the white space around values. */
  readonly fields: readonly Field[];
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  /** Decoded. */
  readonly body: string;
  readonly trailers: readonly Field[];
}

export interface RawRequest extends RawMessage {
  readonly method: string;
  readonly target: string;
}

export interface RawAnswer extends RawMessage {
  readonly status: number;
  readonly phrase: string;
}

/** All values under a name, however it is spelled. */
export const valuesOf = (fields: readonly Field[], name: string): readonly string[] =>
  fields.filter(([given]) => given.toLowerCase() === name.toLowerCase()).map(([, value]) => value);

export const without = (fields: readonly Field[], ...names: readonly string[]): readonly Field[] =>
  fields.filter(([name]) => !names.includes(name.toLowerCase()));

const readField = (line: string): Field => {
  const [, name, value] = /^([!#$%&'*+\-.^_`|~\w]+):[\t ]*(.*?)[\t ]*$/.exec(line) ?? [];
  if (name === undefined || value === undefined || /[\x00-\x08\x0a-\x1f\x7f]/.test(value)) throw new Error(`not a field line: ${JSON.stringify(line)}`);
  return [name, value];
};

/** Start line and fields, up to the empty line. */
export const readHead = async (wire: Wire): Promise<Pick<RawMessage, 'startLine' | 'fields'>> => {
  const [startLine = '', ...lines] = (await wire.until('\r\n\r\n')).slice(0, -4).split('\r\n');
  if (/[\r\n\0]/.test(startLine)) throw new Error(`not a start line: ${JSON.stringify(startLine)}`);
  return { startLine, fields: lines.map(readField) };
};

const framingOf = (fields: readonly Field[]): 'chunked' | number | undefined => {
  const [lengths, codings] = [valuesOf(fields, 'content-length'), valuesOf(fields, 'transfer-encoding')];
  if (lengths.length + codings.length > 1) throw new Error(`ambiguous framing: ${JSON.stringify(fields)}`);
  if (codings[0] !== undefined && codings[0].toLowerCase() !== 'chunked') throw new Error(`a coding that is not chunked: ${codings[0]}`);
  if (lengths[0] !== undefined && !/^\d{1,15}$/.test(lengths[0])) throw new Error(`not a length: ${lengths[0]}`);
  return codings.length > 0 ? 'chunked' : lengths[0] === undefined ? undefined : Number(lengths[0]);
};

/** The data of one chunk; empty for the last one. */
export const readChunk = async (wire: Wire): Promise<string> => {
  const line = (await wire.until('\r\n')).slice(0, -2);
  const size = /^([\da-f]{1,12})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/i.exec(line)?.[1];
  if (size === undefined) throw new Error(`not a chunk: ${JSON.stringify(line)}`);
  if (/^0+$/.test(size)) return '';
  const data = await wire.take(parseInt(size, 16));
  if ((await wire.take(2)) !== '\r\n') throw new Error('a chunk without its end');
  return data;
};

const readChunked = async (wire: Wire): Promise<Pick<RawMessage, 'body' | 'trailers'>> => {
  let body = '';
  for (;;) {
    const data = await readChunk(wire);
    if (data === '') break;
    body += data;
  }
  const trailers: Field[] = [];
  for (;;) {
    const line = (await wire.until('\r\n')).slice(0, -2);
    if (line === '') return { body, trailers };
    trailers.push(readField(line));
  }
};

const readBody = async (wire: Wire, framing: 'chunked' | number): Promise<Pick<RawMessage, 'framing' | 'body' | 'trailers'>> =>
  framing === 'chunked' ? { framing, ...(await readChunked(wire)) } : { framing: 'length', body: await wire.take(framing), trailers: [] };

const noBody = { framing: 'none', body: '', trailers: [] } as const;

export const readRequest = async (wire: Wire): Promise<RawRequest> => {
  const head = await readHead(wire);
  const [, method, target] = /^(\S+) (\S+) HTTP\/1\.1$/.exec(head.startLine) ?? [];
  if (method === undefined || target === undefined) throw new Error(`not a request line: ${JSON.stringify(head.startLine)}`);
  const framing = framingOf(head.fields);
  return { ...head, method, target, ...(framing === undefined ? noBody : await readBody(wire, framing)) };
};

/** The next answer, interim ones too. `method`: of the request that it answers. */
export const readAnswer = async (wire: Wire, method = 'GET'): Promise<RawAnswer> => {
  const head = await readHead(wire);
  const [, status, phrase] = /^HTTP\/1\.1 ([1-5]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/.exec(head.startLine) ?? [];
  if (status === undefined || phrase === undefined) throw new Error(`not a status line: ${JSON.stringify(head.startLine)}`);
  const answer = { ...head, status: Number(status), phrase };
  if (answer.status < 200 || answer.status === 204 || answer.status === 304 || method === 'HEAD') return { ...answer, ...noBody };
  const framing = framingOf(head.fields);
  return framing === undefined ? { ...answer, framing: 'close', body: await wire.rest(), trailers: [] } : { ...answer, ...(await readBody(wire, framing)) };
};

/** One after the other, as many as there are methods. */
export const readAnswers = async (wire: Wire, methods: readonly string[]): Promise<readonly RawAnswer[]> => {
  const answers: RawAnswer[] = [];
  for (const method of methods) answers.push(await readAnswer(wire, method));
  return answers;
};

/** Whether the sender of an answer ends the connection after it, or says so. */
export const closes = ({ fields }: Pick<RawMessage, 'fields'>): boolean =>
  valuesOf(fields, 'connection').some((value) =>
    value
      .toLowerCase()
      .split(',')
      .some((option) => option.trim() === 'close'),
  );
