import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Service } from 'kubernetes-types/core/v1.d.ts';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.d.ts';
import { endpointsOf } from './backends.ts';

export interface DnsSource {
  service(namespace: string, name: string): Service | undefined;
  slices(service: Service): readonly EndpointSlice[];
}

const zone = '.cluster.local';
const typeA = 1;
const typeAAAA = 28;
const noError = 0;
const noSuchName = 3;
const ttlSeconds = 5;

/**
 * The cluster's DNS (kubernetes dns-schema 1.1) as far as programs ask for it: addresses of Services, of the endpoints of headless ones, and of their named
 * endpoints. Nothing outside of the cluster has a name here.
 */
export const serveDns = async (address: string, source: DnsSource): Promise<void> => {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const answer = answerTo(query, source);
    if (answer !== undefined) socket.send(answer, from.port, from.address);
  });
  // An answer that cannot be sent is asked for again.
  socket.on('error', (failure) => process.stderr.write(`dns: ${failure.message}\n`));
  socket.bind(53, address);
  await once(socket, 'listening');
};

interface Question {
  readonly name: string;
  readonly type: number;
  /** The question as it came, to be repeated in the answer. */
  readonly section: Buffer;
}

/** The first question of a query; undefined where it is none. */
const readQuestion = (query: Buffer): Question | undefined => {
  if (query.length < 17 || query.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    if (length > 63 || at + length + 5 > query.length) return undefined;
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), section: query.subarray(12, at + 5) };
};

const answerTo = (query: Buffer, source: DnsSource): Buffer | undefined => {
  const question = readQuestion(query);
  if (question === undefined) return undefined;
  const addresses = addressesOf(question.name, source);
  const wanted = (addresses ?? []).filter((address) => address.includes(':') === (question.type === typeAAAA));
  const answers = question.type === typeA || question.type === typeAAAA ? wanted.map((address) => record(question.type, address)) : [];
  const header = Buffer.alloc(12);
  header.writeUInt16BE(query.readUInt16BE(0), 0);
  // An answer with authority, to a query that may want recursion.
  header.writeUInt16BE(0x8580 | (addresses === undefined ? noSuchName : noError), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  return Buffer.concat([header, question.section, ...answers]);
};

/** Undefined: there is no such name. Empty: there is, but no address of it now. */
const addressesOf = (name: string, source: DnsSource): readonly string[] | undefined => {
  if (!name.endsWith(`.svc${zone}`)) return undefined;
  const labels = name.slice(0, -`.svc${zone}`.length).split('.');
  const [service, namespace] = labels.slice(-2);
  const found = service === undefined || namespace === undefined ? undefined : source.service(namespace, service);
  if (found === undefined || labels.length > 3) return undefined;
  const hostname = labels.length === 3 ? labels[0] : undefined;
  if (found.spec?.clusterIP !== 'None') return hostname === undefined ? (found.spec?.clusterIPs ?? []) : undefined;
  const endpoints = source.slices(found).flatMap((slice) => endpointsOf(slice).filter(({ conditions }) => conditions?.ready ?? true));
  const named = hostname === undefined ? endpoints : endpoints.filter((endpoint) => endpoint.hostname === hostname);
  if (hostname !== undefined && named.length === 0) return undefined;
  return [...new Set(named.flatMap(({ addresses }) => addresses))];
};

/** A record whose name points back at the question. */
const record = (type: number, address: string): Buffer => {
  const data = type === typeA ? Buffer.from(address.split('.').map(Number)) : bytes6(address);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttlSeconds, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
};

const bytes6 = (address: string): Buffer => {
  const [head = '', tail] = address.split('::');
  const groups = (text: string | undefined): readonly number[] =>
    text === undefined || text === '' ? [] : text.split(':').map((group) => parseInt(group, 16));
  const [front, back] = [groups(head), groups(tail)];
  const all = tail === undefined ? front : [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
};
