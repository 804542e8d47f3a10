import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import type { ApiClient } from './api-client.ts';

/** What came back: an answer, or why there was none. */
export interface SliceAnswer {
  readonly status: number;
  readonly text: string;
}

interface Slices {
  readonly items?: readonly {
    readonly endpoints?: readonly { readonly addresses: readonly string[]; readonly conditions?: { readonly ready?: boolean } }[] | null;
    readonly ports?: readonly { readonly port: number }[] | null;
  }[];
}

/** A client of a Service as kube-proxy makes one: each connection goes to one of the ready endpoints of its slices, as they were a moment ago. */
export interface SliceClient {
  /** `address:port` of every ready endpoint at the last look. */
  targets(): readonly string[];
  get(path: string): Promise<SliceAnswer>;
  close(): Promise<void>;
}

/** kube-proxy is told of a change within about so long. */
const lookEveryMs = 50;

export const followSlices = async (api: ApiClient, service: string, namespace = 'default'): Promise<SliceClient> => {
  const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D${service}`;
  const agent = new Agent({ connections: 64, headersTimeout: 60_000, bodyTimeout: 60_000 });
  let targets: readonly string[] = [];
  let turn = 0;
  const look = async (): Promise<void> => {
    const { items = [] } = (await api('GET', path)).body as Slices;
    targets = items.flatMap(({ endpoints, ports }) =>
      (endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready !== false)
        .flatMap(({ addresses }) => addresses.flatMap((address) => (ports ?? []).map(({ port }) => `${address}:${port}`))),
    );
  };
  await look();
  let following = true;
  const follow = async (): Promise<void> => {
    while (following) {
      await sleep(lookEveryMs);
      await look();
    }
  };
  const followed = follow();
  return {
    targets: () => targets,
    get: async (where) => {
      const target = targets[turn++ % targets.length];
      if (target === undefined) return { status: 0, text: 'the Service has no endpoint' };
      try {
        const answer = await fetch(`http://${target}${where}`, { dispatcher: agent });
        return { status: answer.status, text: await answer.text() };
      } catch (failure) {
        const { message, cause } = failure as Error;
        return { status: 0, text: `${target}: ${message}: ${cause instanceof Error ? cause.message : ''}` };
      }
    },
    close: async () => {
      following = false;
      await followed;
      await agent.destroy();
    },
  };
};
