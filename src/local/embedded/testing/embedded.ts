import type { ExecutionContext } from 'ava';
import { seededRandom, silentLogger, systemClock } from '../../../core/index.ts';
import { isObject, textAt, type JsonObject } from '../json.ts';
import type { PodLogSource } from '../pod-log-source.ts';
import { startEmbeddedApi, type EmbeddedApi, type EmbeddedApiOptions } from '../start.ts';

/** What the tests of this folder share: a real server, and requests to it over plain HTTP. */

const noLogs: PodLogSource = { open: () => ({ kind: 'missing', message: 'no logs here' }) };

export const startedApi = async (t: ExecutionContext, options: Partial<EmbeddedApiOptions> = {}): Promise<EmbeddedApi> => {
  const api = await startEmbeddedApi({
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
    httpsPort: 0,
    httpPort: 0,
    logSource: noLogs,
    ...options,
  });
  t.teardown(() => api.close());
  return api;
};

export interface Reply {
  readonly code: number;
  readonly body: JsonObject;
  readonly text: string;
  readonly headers: Headers;
}

export const send = async (api: EmbeddedApi, method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply> => {
  const response = await fetch(`${api.httpUrl ?? ''}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : {};
  return { code: response.status, body: isObject(parsed) ? parsed : {}, text, headers: response.headers };
};

export const mergePatch = (api: EmbeddedApi, path: string, body: unknown): Promise<Reply> =>
  send(api, 'PATCH', path, body, { 'content-type': 'application/merge-patch+json' });

/** The events of a watch as they come. */
export async function* watchEvents(api: EmbeddedApi, path: string, signal: AbortSignal): AsyncGenerator<JsonObject> {
  const response = await fetch(`${api.httpUrl ?? ''}${path}`, { signal });
  let rest = '';
  for await (const chunk of response.body ?? []) {
    rest += Buffer.from(chunk).toString('utf8');
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const parsed: unknown = JSON.parse(line);
      if (isObject(parsed)) yield parsed;
    }
  }
}

export const nextOf = async (stream: AsyncGenerator<JsonObject>): Promise<JsonObject> => {
  const result = await stream.next();
  return result.done === true ? {} : result.value;
};

export const brief = (event: JsonObject): string => `${textAt(event, 'type') ?? ''} ${textAt(event, 'object', 'metadata', 'name') ?? ''}`;

export const deploymentNamed = (name: string, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, ...metadata },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image: 'example/app:1' }] } },
  },
});
