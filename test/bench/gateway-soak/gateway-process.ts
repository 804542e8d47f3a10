import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { startRouse, type RouseProcess } from '../../support/rouse-process.ts';
import { cpuSeconds, residentBytes } from '../process-usage.ts';

/** The value of each series, by its name and labels. */
export type Metrics = ReadonlyMap<string, number>;

/** The process that is soaked, and its figures. */
export class GatewayProcess {
  readonly #process: RouseProcess;
  readonly #metricsUrl: string;

  private constructor(process: RouseProcess, metricsUrl: string) {
    this.#process = process;
    this.#metricsUrl = metricsUrl;
  }

  static async start(routes: string): Promise<GatewayProcess> {
    const process = startRouse(['gateway', '--routes', routes, '--listen', '127.0.0.1', '--metrics-port', '0', '--log-level', 'warn']);
    try {
      const [, url = ''] = await process.line(/^ready: metrics=(\S+)/);
      return new GatewayProcess(process, url);
    } catch (error) {
      await process.stop('SIGKILL');
      throw error;
    }
  }

  get ended(): Promise<unknown> {
    return this.#process.ended;
  }

  get residentMb(): number {
    return residentBytes(this.#pid) / 1e6;
  }

  get cpuSeconds(): number {
    return cpuSeconds(this.#pid);
  }

  get openFiles(): number {
    return readdirSync(`/proc/${this.#pid}/fd`).length;
  }

  /** Throws, with what it has said, if it has ended. */
  check(): void {
    const { exitCode, signalCode } = this.#process.child;
    if (exitCode !== null || signalCode !== null) throw new Error(`the gateway ended with ${String(exitCode ?? signalCode)}\n${this.complaints}`);
  }

  /** What it has said on standard error. */
  get complaints(): string {
    return this.#process.errors();
  }

  /** Over a connection of its own, so that none stays open. */
  async metrics(): Promise<Metrics> {
    const answer = await new Promise<string>((resolve, reject) => {
      request(this.#metricsUrl, { agent: false }, (response) => void text(response).then(resolve, reject))
        .on('error', reject)
        .end();
    });
    const series = answer.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(series.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
  }

  /** Its exit code. */
  stop(): Promise<number | null> {
    return this.#process.stop();
  }

  get #pid(): number {
    return this.#process.child.pid ?? 0;
  }
}

/** Of all series with that name. */
export const sumOf = (metrics: Metrics, name: string): number =>
  [...metrics].filter(([series]) => series === name || series.startsWith(`${name}{`)).reduce((sum, [, value]) => sum + value, 0);
