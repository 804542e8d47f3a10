import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { createApi, type LiveEvent, type LiveReader, type LiveTick, type LiveWorkload, type PageAccess, type WorkloadReader } from '../../src/api/index.ts';
import { instant, systemClock, workloadKey, type Clock } from '../../src/core/index.ts';

export const liveWorkload = (namespace: string, name: string, figures: Partial<LiveWorkload> = {}): LiveWorkload => {
  const ref = { resource: 'deployments.apps', namespace, name };
  return { key: workloadKey(ref), ...ref, desired: 2, ready: 2, held: 0, reason: 'steady', phase: 'active', trouble: undefined, ...figures };
};

/** What the page shows; may change while it is open. */
export interface Shown {
  workloads: readonly LiveWorkload[];
  ticks?: (key: string) => readonly LiveTick[];
  /** By default it does. */
  leads?: () => boolean;
}

export interface PageScene {
  readonly url: string;
  readonly shown: Shown;
  readonly tell: (event: LiveEvent) => void;
  /** Streams that are open. */
  readonly openStreams: () => number;
  /** As if the process had ended: all connections too. */
  readonly stop: () => Promise<void>;
  /** Another process, on the same port, which knows nothing of what the one before has told. */
  readonly restart: () => Promise<void>;
}

const nothing: WorkloadReader = {
  workloads: () => [],
  explain: () => undefined,
  why: () => ({ kind: 'not-onboarded' }),
  trace: () => undefined,
  leads: () => true,
  controller: () => ({ version: '1.2.3', identity: 'one', now: systemClock.now(), placement: false, gateways: [] }),
};

const clockAhead = (aheadMs: number): Clock => ({
  now: () => instant(systemClock.now() + aheadMs),
  monotonic: () => systemClock.monotonic(),
  after: (...asked) => systemClock.after(...asked),
  every: (...asked) => systemClock.every(...asked),
  sleep: (...asked) => systemClock.sleep(...asked),
});

/** The live page over workloads that nobody runs. */
export const servePage = async (
  t: ExecutionContext,
  shown: Shown,
  { access = { kind: 'loopback' }, aheadMs = 0 }: { readonly access?: PageAccess; readonly aheadMs?: number } = {},
): Promise<PageScene> => {
  let listeners: ((event: LiveEvent) => void)[] = [];
  const streams = new Set<object>();
  const reader: LiveReader = {
    workloads: () => shown.workloads,
    ticks: (key) => shown.ticks?.(key) ?? [],
    history: () => [],
    onEvent: (listener) => listeners.push(listener),
    leads: () => shown.leads?.() ?? true,
  };
  let server: Server | undefined;
  const listen = async (port: number): Promise<number> => {
    listeners = [];
    const api = createApi(nothing, clockAhead(aheadMs), { reader, access });
    const own = createServer((request, response) => {
      if (request.url?.startsWith('/ui/live?') === true) {
        streams.add(response);
        response.on('close', () => streams.delete(response));
      }
      api(request, response);
    });
    server = own;
    await new Promise<void>((resolve) => own.listen(port, '127.0.0.1', resolve));
    return (own.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    const own = server;
    server = undefined;
    await new Promise<void>((resolve) => {
      if (own === undefined) resolve();
      else own.close(() => resolve());
      own?.closeAllConnections();
    });
  };
  const port = await listen(0);
  t.teardown(stop);
  return {
    url: `http://localhost:${String(port)}/`,
    shown,
    tell: (event) => {
      for (const listener of listeners) listener(event);
    },
    openStreams: () => streams.size,
    stop,
    restart: async () => {
      await stop();
      await listen(port);
    },
  };
};
