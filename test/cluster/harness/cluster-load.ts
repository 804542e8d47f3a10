import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Requests to a Service, one client after the other or all at once, and what came of them. */
export interface ClusterLoad {
  /** Answers so far. */
  readonly answered: number;
  /** Answers by the name of their pod, and of those that came by a gateway. */
  readonly pods: ReadonlyMap<string, number>;
  readonly throughGateway: number;
  /** The same of new connections alone: where nodes lead now, as connections that are kept stay where they were. */
  readonly fresh: { readonly answered: number; readonly throughGateway: number };
  /** Everything that was no answer of the program, in words, with the second of the load at which it began. */
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly clients?: number;
  /** Between an answer and the next request of the same client. */
  readonly pauseMs?: number;
  readonly port?: number;
  readonly path?: string;
}

/** One answer may take this long: longer than any wake. */
const patienceMs = 30_000;

/**
 * `clients` (50) at the ClusterIP, each again a moment after its last answer. Every other one keeps its connection, as pools do, and takes a new one only
 * where it was told so or where a kept one is closed before anything of the answer came: that is what pools do with requests that may be repeated.
 */
export const clusterLoad = (address: string, { clients = 50, pauseMs = 150, port = 80, path = '/' }: LoadOptions = {}): ClusterLoad => {
  const began = performance.now();
  const pods = new Map<string, number>();
  const failures: string[] = [];
  const counts = { answered: 0, throughGateway: 0 };
  const fresh = { answered: 0, throughGateway: 0 };
  let running = true;
  const client = async (keeps: boolean): Promise<void> => {
    const agent = new Agent({ keepAlive: keeps, maxSockets: 1 });
    // Not in step.
    await sleep(Math.random() * pauseMs);
    while (running) {
      const at = ((performance.now() - began) / 1000).toFixed(2);
      try {
        const { pod, throughGateway } = await ask(agent, { host: address, port, path });
        pods.set(pod, (pods.get(pod) ?? 0) + 1);
        for (const count of keeps ? [counts] : [counts, fresh]) {
          count.answered += 1;
          if (throughGateway) count.throughGateway += 1;
        }
      } catch (failure) {
        failures.push(`${at} s, ${keeps ? 'kept' : 'new'} connection: ${failure instanceof Error ? failure.message : String(failure)}`);
      }
      await sleep(pauseMs);
    }
    agent.destroy();
  };
  const all = Promise.all(Array.from({ length: clients }, (_, index) => client(index % 2 === 1)));
  return {
    get answered() {
      return counts.answered;
    },
    get throughGateway() {
      return counts.throughGateway;
    },
    pods,
    fresh,
    failures,
    stop: async () => {
      running = false;
      await all;
    },
  };
};

interface Answer {
  readonly pod: string;
  readonly throughGateway: boolean;
}

const ask = (agent: Agent, where: { readonly host: string; readonly port: number; readonly path: string }): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const call = request({ ...where, agent, timeout: patienceMs }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode !== 200) return reject(new Error(`${response.statusCode ?? 0} ${text}`));
        try {
          const { pod, headers } = JSON.parse(text) as { readonly pod: string; readonly headers: Readonly<Record<string, string>> };
          resolve({ pod, throughGateway: headers['x-forwarded-for'] !== undefined });
        } catch (failure) {
          reject(new Error(`no answer of the test program: ${text.slice(0, 200)}`, { cause: failure }));
        }
      });
    });
    call.on('timeout', () => call.destroy(new Error(`no answer in ${patienceMs} ms`)));
    call.on('error', (failure) => {
      const isStale = call.reusedSocket && 'code' in failure && failure.code === 'ECONNRESET';
      if (isStale) ask(agent, where).then(resolve, reject);
      else reject(failure);
    });
    call.end();
  });
