import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { resources } from '../../src/kube/index.ts';
import type { TestLocal } from './local.ts';

/** An answer of `programs/app.js` to a request through a Service. */
export interface ServiceAnswer {
  readonly pod: string;
  /** The gateway stood between: it says for whom it forwards. */
  readonly throughGateway: boolean;
}

export interface ServiceTraffic {
  readonly answers: readonly ServiceAnswer[];
  /** Everything that was no answer of the program, in words. */
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

/** kube-proxy is never quite up to date either. */
const proxyLagMs = 100;
/** Between two requests of one client: a light load. */
const pauseMs = 20;

/**
 * Requests to the ClusterIP of a Service, one connection each: kube-proxy's part is played from the ready endpoints of the Service's
 * EndpointSlices, which are looked at every 100 ms. `clients` of them at a time, each the next a moment after the last was answered.
 */
export const serviceTraffic = ({ local }: TestLocal, name: string, clients = 2, namespace = 'default'): ServiceTraffic => {
  const answers: ServiceAnswer[] = [];
  const failures: string[] = [];
  let running = true;
  let seen: { readonly at: number; readonly targets: readonly Target[] } | undefined;
  const targets = (): readonly Target[] => {
    if (seen === undefined || performance.now() - seen.at > proxyLagMs) seen = { at: performance.now(), targets: serviceTargets({ local }, name, namespace) };
    return seen.targets;
  };
  const client = async (): Promise<void> => {
    while (running) {
      const all = targets();
      const target = all[Math.floor(Math.random() * all.length)];
      const answer = target === undefined ? 'connection refused: the Service has no endpoint' : await ask(target);
      if (typeof answer === 'string') failures.push(answer);
      else answers.push(answer);
      await sleep(pauseMs);
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return {
    answers,
    failures,
    stop: async () => {
      running = false;
      await all;
    },
  };
};

export interface Target {
  readonly address: string;
  readonly port: number;
}

/** Where kube-proxy leads connections to a Service: its ready endpoints, whoever wrote its slices; where there is none, those that end and still serve. */
export const serviceTargets = ({ local }: Pick<TestLocal, 'local'>, name: string, namespace = 'default'): readonly Target[] => {
  const slices = local.cluster.api.api
    .list(resources.endpointSlices, namespace)
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name);
  const targets = (wanted: (conditions: Conditions | undefined) => boolean): readonly Target[] =>
    slices.flatMap(({ endpoints, ports }) =>
      endpoints
        .filter(({ conditions }) => wanted(conditions))
        .flatMap(({ addresses }) => (ports ?? []).map(({ port }) => ({ address: addresses[0] ?? '', port: port ?? 0 }))),
    );
  const ready = targets((conditions) => conditions?.ready !== false);
  return ready.length > 0 ? ready : targets((conditions) => conditions?.serving === true && conditions.terminating === true);
};

interface Conditions {
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
}

const ask = ({ address, port }: Target): Promise<ServiceAnswer | string> =>
  new Promise((resolve) => {
    const at = `${address}:${port}`;
    const call = request({ host: address, port, path: '/', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', (error) => resolve(`${at}: ${error.message}`));
      response.on('end', () => {
        if (response.statusCode !== 200) resolve(`${at}: ${String(response.statusCode)} ${text}`);
        else {
          const { pod, headers } = JSON.parse(text) as { readonly pod: string; readonly headers: Readonly<Record<string, string>> };
          resolve({ pod, throughGateway: headers['x-forwarded-for'] !== undefined });
        }
      });
    });
    call.on('error', (error) => resolve(`${at}: ${error.message}`));
    call.end();
  });
