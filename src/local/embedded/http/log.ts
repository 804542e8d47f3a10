import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { ApiError } from '../api-error.ts';
import { listAt, textAt } from '../json.ts';
import type { Operations } from '../operations/operations.ts';
import type { PodLogRequest } from '../pod-log-source.ts';
import type { Stored } from '../store/stored.ts';
import { flagOf, integerOf, type Call, type StreamAnswer } from './call.ts';

const namesIn = (pod: Stored, list: string): readonly string[] => listAt(pod, 'spec', list).flatMap((container) => textAt(container, 'name') ?? []);

/** The container that is asked for, or the only one. Messages as kube-apiserver words them. */
const containerOf = (pod: Stored, asked: string): string => {
  const name = pod.metadata.name;
  const [containers, initContainers] = [namesIn(pod, 'containers'), namesIn(pod, 'initContainers')];
  if (asked !== '') {
    if (containers.includes(asked) || initContainers.includes(asked)) return asked;
    throw ApiError.badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const [only, ...more] = containers;
  if (only !== undefined && more.length === 0) return only;
  const inits = initContainers.length === 0 ? '' : ` or one of the init containers: [${initContainers.join(' ')}]`;
  throw ApiError.badRequest(`a container name must be specified for pod ${name}, choose one of: [${containers.join(' ')}]${inits}`);
};

const sinceOf = (query: URLSearchParams, now: number): number | undefined => {
  const ago = integerOf(query, 'sinceSeconds');
  const time = query.get('sinceTime') ?? '';
  if (ago !== undefined && time !== '') throw ApiError.badRequest('at most one of `sinceTime` or `sinceSeconds` may be specified');
  if (ago !== undefined) return now - ago * 1000;
  if (time === '') return undefined;
  const parsed = Date.parse(time);
  if (Number.isNaN(parsed)) throw ApiError.badRequest(`sinceTime: ${JSON.stringify(time)} is not an RFC 3339 time, e.g. 2026-01-02T03:04:05Z`);
  return parsed;
};

const notNegative = (query: URLSearchParams, name: string): number | undefined => {
  const value = integerOf(query, name);
  if (value !== undefined && value < 0) throw ApiError.badRequest(`${name}: Invalid value: ${String(value)}: must be greater than or equal to 0`);
  return value;
};

/** `pods/NAME/log` as text. */
export const openLog = ({ logs, clock }: Operations, call: Call, pod: Stored): StreamAnswer => {
  const { query } = call;
  const container = containerOf(pod, query.get('container') ?? '');
  // Nobody could have written anything yet: kube-apiserver has nobody to ask, and answers with nothing.
  if ((textAt(pod, 'spec', 'nodeName') ?? '') === '') return { stream: (response) => void response.writeHead(204).end() };
  const asked: Omit<PodLogRequest, 'signal'> = {
    namespace: pod.metadata.namespace ?? '',
    pod: pod.metadata.name,
    podUid: pod.metadata.uid,
    container,
    previous: query.has('previous') && flagOf(query, 'previous'),
    follow: query.has('follow') && flagOf(query, 'follow'),
    timestamps: query.has('timestamps') && flagOf(query, 'timestamps'),
    tailLines: notNegative(query, 'tailLines'),
    sinceMs: sinceOf(query, clock.now()),
    limitBytes: notNegative(query, 'limitBytes'),
  };
  const end = new AbortController();
  const log = logs.open({ ...asked, signal: end.signal });
  if (log.kind === 'missing') throw ApiError.badRequest(log.message);
  return {
    stream: async (response, signal) => {
      const stop = (): void => {
        end.abort();
      };
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.flushHeaders();
      await pour(log.chunks, response, signal);
    },
  };
};

/** Copies at the reader's pace; an abort ends it quietly. */
const pour = async (chunks: AsyncIterable<Uint8Array>, response: ServerResponse, signal: AbortSignal): Promise<void> => {
  try {
    for await (const chunk of chunks) {
      if (signal.aborted) return;
      if (!response.write(chunk)) await once(response, 'drain', { signal });
    }
    response.end();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
};
