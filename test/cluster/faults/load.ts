import { Agent, request } from 'node:http';
import { until } from '../../support/until.ts';

/** Requests that each stay in a pod for a while, so that at any moment some are in flight, and what came of them. */
export interface Load {
  readonly answered: number;
  readonly failures: readonly Failure[];
  stop(): Promise<void>;
}

export interface Failure {
  /** `performance.now()` at which it failed. */
  readonly at: number;
  readonly text: string;
}

/** A wake may take as long as a fault does. */
const patienceMs = 150_000;
const inPodMs = 200;

interface Target {
  readonly host: string;
  readonly port?: number;
  readonly path: string;
}

const once = (agent: Agent | false, target: Target): Promise<string> =>
  new Promise((resolve, reject) => {
    const call = request({ ...target, agent, timeout: patienceMs }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${response.statusCode ?? 0} ${text}`));
      });
    });
    call.on('timeout', () => call.destroy(new Error(`no answer in ${patienceMs} ms`)));
    // A kept connection that the other side closed while it was idle: clients with pools take another, before anything was answered.
    call.on('error', (failure) => {
      if (call.reusedSocket && 'code' in failure && failure.code === 'ECONNRESET' && agent !== false) once(agent, target).then(resolve, reject);
      else reject(failure);
    });
    call.end();
  });

/** One request on a connection of its own; its body. */
export const ask = (host: string, path = '/', port = 80): Promise<string> => once(false, { host, path, port });

/**
 * Resolves when nodes have heard that the Service leads to gateways: they hear of it up to a second after the API server, and a connection that is made before
 * stays with its pod. Until they have, they know its pods and the gateways, or nobody.
 */
export const leadsToGateways = async (host: string): Promise<void> => {
  let [inRow, last] = [0, ''];
  const isFiftieth = async (): Promise<boolean> => {
    last = await ask(host).catch(String);
    inRow = last.includes('"x-forwarded-for"') ? inRow + 1 : 0;
    return inRow === 50;
  };
  await until('nodes lead to gateways alone', isFiftieth, 30_000, () => last);
};

/** `clients` at a time, each again as soon as it has its answer; every other one keeps its connection. */
export const startLoad = (host: string, clients: number): Load => {
  const failures: Failure[] = [];
  let [answered, running] = [0, true];
  const client = async (keeps: boolean): Promise<void> => {
    const agent = keeps ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
    while (running) {
      try {
        await once(agent, { host, path: `/sleep?ms=${inPodMs}` });
        answered += 1;
      } catch (failure) {
        failures.push({ at: performance.now(), text: failure instanceof Error ? failure.message : String(failure) });
        await new Promise((resolve) => setTimeout(resolve, inPodMs));
      }
    }
    if (agent !== false) agent.destroy();
  };
  const all = Promise.all(Array.from({ length: clients }, (_, index) => client(index % 2 === 1)));
  return {
    get answered() {
      return answered;
    },
    failures,
    stop: async () => {
      running = false;
      await all;
    },
  };
};
