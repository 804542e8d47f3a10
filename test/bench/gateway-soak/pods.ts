import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const program = join(import.meta.dirname, 'programs', 'pod.ts');
/** Of this run alone: no other program has a port there, and no connection comes from there, so that one to a pod that does not listen yet cannot find itself. */
const address = `127.77.${(process.pid >> 8) & 255}.${process.pid & 255}`;
const firstPort = 10_000;
/** The longest request takes 10 s. Whoever is not through long after that is being kept by somebody. */
const endsWithinMs = 30_000;

/** When a pod stopped taking what was on its way to it. Times are of `Date.now`. */
export interface Ending {
  readonly pod: string;
  readonly how: 'killed' | 'told';
  readonly from: number;
  /** Until it was gone, or, where it was told, until it had closed its port and its idle connections. */
  to: number;
  /** Until then it closed others as they became idle. */
  gone: number;
}

/** One pod: a process with a port of its own. */
export interface Pod {
  readonly name: string;
  readonly port: number;
  /** Resolves when it is about to listen. */
  readonly started: Promise<unknown>;
  /** Resolves when it listens. */
  readonly ready: Promise<unknown>;
  readonly ended: Promise<unknown>;
  readonly child: ChildProcess;
}

/** The pods, the routes that name some of them, and what became of the others. */
export class Pods {
  readonly endings: Ending[] = [];
  /** The pods that requests came to, last, by their ids. */
  readonly takenBy = new Map<string, string>();
  /** Ids of POSTs that came to pods twice. */
  readonly postedTwice: string[] = [];
  /** Pods that had been told to end, and had not when their time was over. */
  readonly overdue: string[] = [];
  /** Pods that ended by themselves. */
  readonly fallen: string[] = [];
  started = 0;
  readonly #file: string;
  readonly #routes: (endpoints: readonly object[]) => object;
  readonly #running = new Set<Pod>();
  #listed: readonly Pod[] = [];
  #stopped = false;

  /** @param routes what is in the file, for these endpoints. */
  constructor(file: string, routes: (endpoints: readonly object[]) => object) {
    this.#file = file;
    this.#routes = routes;
  }

  get listed(): readonly Pod[] {
    return this.#listed;
  }

  /** Starts one, which listens `ms` after all is loaded. Nobody is told of it yet. */
  start(ms: number): Pod {
    if (this.#stopped) throw new Error('the soak is being stopped');
    const number = (this.started += 1);
    const [name, port] = [`pod-${number}`, firstPort + number];
    const child = spawn(process.execPath, [program, name, address, ...[port, ms].map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const ended = once(child, 'close');
    const said = (word: string): Promise<unknown> =>
      Promise.race([new Promise<void>((resolve) => lines.on('line', (line) => line === word && resolve())), ended]);
    lines.on('line', (line) => {
      const [, method = '', id = ''] = /^took (\S+) (.+)$/.exec(line) ?? [];
      if (id !== '') this.#took(name, method, id);
      if (line === 'ending') this.#endedFor(name);
    });
    const pod = { name, port, started: said('started'), ready: said('ready'), ended, child };
    this.#running.add(pod);
    void ended.then(() => {
      this.#running.delete(pod);
      if (!this.#stopped && !this.endings.some((ending) => ending.pod === name)) this.fallen.push(name);
      this.#endedFor(name);
      for (const ending of this.endings) if (ending.pod === name) ending.gone = Date.now();
    });
    return pod;
  }

  /** Writes the routes with these pods and no others. */
  async list(pods: readonly Pod[]): Promise<void> {
    this.#listed = pods;
    const endpoints = pods.map(({ port }) => ({ address, port }));
    await writeFile(`${this.#file}.new`, JSON.stringify({ workloads: [this.#routes(endpoints)] }));
    await rename(`${this.#file}.new`, this.#file);
  }

  /** Has a pod end in order: it finishes what it has. */
  tell(pod: Pod): void {
    this.#end(pod, 'told', 'SIGTERM');
    const timer = setTimeout(() => {
      this.overdue.push(pod.name);
      this.kill(pod);
    }, endsWithinMs);
    void pod.ended.then(() => clearTimeout(timer));
  }

  kill(pod: Pod): void {
    this.#end(pod, 'killed', 'SIGKILL');
  }

  /** Ends all of them. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const left = [...this.#running];
    for (const { child } of left) child.kill('SIGKILL');
    await Promise.all(left.map(({ ended }) => ended));
  }

  #end({ name, child }: Pod, how: Ending['how'], signal: NodeJS.Signals): void {
    this.endings.push({ pod: name, how, from: Date.now(), to: Infinity, gone: Infinity });
    child.kill(signal);
  }

  #endedFor(name: string): void {
    for (const ending of this.endings) if (ending.pod === name) ending.to = Math.min(ending.to, Date.now());
  }

  #took(pod: string, method: string, id: string): void {
    if (method === 'POST' && this.takenBy.has(id)) this.postedTwice.push(id);
    this.takenBy.set(id, pod);
  }
}
