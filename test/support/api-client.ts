import { Agent, request } from 'undici';

export interface ApiAnswer {
  readonly status: number;
  readonly body: Record<string, unknown> & {
    readonly metadata?: { readonly annotations?: Record<string, string>; readonly resourceVersion?: string; readonly uid?: string };
  };
  readonly warnings: readonly string[];
}

/** A Kubernetes API by plain HTTP, as a test sees it: no client library between. */
export interface ApiClient {
  (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<ApiAnswer>;
  patch(path: string, body: unknown, type?: 'merge' | 'strategic-merge' | 'json' | 'apply'): Promise<ApiAnswer>;
  close(): Promise<void>;
}

const contentTypes = {
  merge: 'application/merge-patch+json',
  'strategic-merge': 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};

export const apiClient = (server: { readonly url: string; readonly caPem: string; readonly token: string; readonly userAgent?: string }): ApiClient => {
  const dispatcher = new Agent({ connect: { ca: server.caPem }, connections: 4 });
  const call = async (method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<ApiAnswer> => {
    const answer = await request(`${server.url}${path}`, {
      method: method as 'GET',
      dispatcher,
      headers: {
        authorization: `Bearer ${server.token}`,
        accept: 'application/json',
        ...(server.userAgent === undefined ? {} : { 'user-agent': server.userAgent }),
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const warnings = [answer.headers.warning ?? []].flat();
    const text = await answer.body.text();
    return { status: answer.statusCode, body: (text === '' ? {} : JSON.parse(text)) as ApiAnswer['body'], warnings };
  };
  return Object.assign((method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) => call(method, path, body), {
    patch: (path: string, body: unknown, type: keyof typeof contentTypes = 'merge') => call('PATCH', path, body, contentTypes[type]),
    close: () => dispatcher.close(),
  });
};
