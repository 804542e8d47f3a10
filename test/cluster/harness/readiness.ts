import { connect } from 'node:net';
import { Agent, request } from 'undici';
import { apiClient, type ApiAnswer } from '../../support/api-client.ts';
import { until } from '../../support/until.ts';
import { kubernetesServiceAddress } from './addresses.ts';
import type { Credentials } from './credentials.ts';

const read = async ({ server, caPem, tokens }: Credentials, path: string): Promise<ApiAnswer | undefined> => {
  const api = apiClient({ url: server, caPem, token: tokens['admin'] ?? '' });
  try {
    const answer = await api('GET', path);
    return answer.status === 200 ? answer : undefined;
  } catch {
    return undefined;
  } finally {
    await api.close();
  }
};

/** It answers before its hooks are done: whoever starts before these have made the roles is refused, and tries again later and later. */
export const serverReady = async (credentials: Credentials): Promise<void> => {
  const { server, caPem, tokens } = credentials;
  const dispatcher = new Agent({ connect: { ca: caPem } });
  const headers = { authorization: `Bearer ${tokens['admin'] ?? ''}` };
  const isReady = async (): Promise<boolean> => {
    try {
      const { statusCode, body } = await request(`${server}/readyz`, { dispatcher, headers });
      await body.dump();
      return statusCode === 200;
    } catch {
      return false;
    }
  };
  await until('the API server is ready', isReady, 60_000);
  await dispatcher.close();
  await until('the namespaces of the system are there', () => read(credentials, '/api/v1/namespaces/kube-system'), 60_000);
};

/** Pods are refused until it is there. */
export const controllersReady = async (credentials: Credentials): Promise<void> => {
  await until('the controllers made the default ServiceAccount', () => read(credentials, '/api/v1/namespaces/default/serviceaccounts/default'), 60_000);
};

const accepts = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });

/** Services have listeners, and names: the proxy serves DNS first. */
export const proxyReady = async (): Promise<void> => {
  await until('the Service "kubernetes" is listened for', () => accepts(kubernetesServiceAddress, 443), 60_000);
};

interface NodeObject {
  readonly spec?: { readonly taints?: readonly unknown[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Ready, and without the taint that keeps pods away until the controllers have seen it. */
export const nodeReady = async (credentials: Credentials, name: string): Promise<void> => {
  await until(
    `node ${name} is ready and takes pods`,
    async () => {
      const { spec, status } = ((await read(credentials, `/api/v1/nodes/${name}`))?.body ?? {}) as unknown as NodeObject;
      const isUp = status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
      return isUp && (spec?.taints ?? []).length === 0;
    },
    60_000,
  );
};
