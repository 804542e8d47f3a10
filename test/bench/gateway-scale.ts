import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { startRouse, type RouseProcess } from '../support/rouse-process.ts';
import { childrenOf } from '../support/worker-gateway.ts';
import { cpuSeconds, residentBytes } from './process-usage.ts';
import { table } from './statistics.ts';

const workloads = 5000;
const active = 500;
const firstPort = 20_000;
const address = '127.0.0.77';
const windowMs = 10_000;
const changesASecond = 20;
const idleConnections = 10_000;

interface Usage {
  readonly gateway: number;
  readonly parent: number;
  readonly controller: number;
}

const megabytes = (pid: number): number => residentBytes(pid) / 1e6;
const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
const workersOf = ({ child }: RouseProcess): readonly number[] => (childrenOf(child.pid ?? 0).length > 0 ? childrenOf(child.pid ?? 0) : [child.pid ?? 0]);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** CPU over a while, in % of a core. */
const usage = async (gateway: RouseProcess, controller: ChildProcess): Promise<Usage> => {
  const workers = workersOf(gateway);
  const look = () => ({
    gateway: sum(workers.map(cpuSeconds)),
    parent: workers.includes(gateway.child.pid ?? 0) ? 0 : cpuSeconds(gateway.child.pid ?? 0),
    controller: cpuSeconds(controller.pid ?? 0),
  });
  const before = look();
  const from = performance.now();
  await sleep(windowMs);
  const after = look();
  const share = (name: keyof Usage): number => ((after[name] - before[name]) / ((performance.now() - from) / 1000)) * 100;
  return { gateway: share('gateway'), parent: share('parent'), controller: share('controller') };
};

/** Requests that stay in the pod: the workload is in every report, and nothing else happens. */
const openRequests = async (): Promise<() => void> => {
  const open = Array.from({ length: active }, (_, index) => {
    const asked = request({ host: address, port: firstPort + index * 10, path: '/', agent: false });
    asked.on('error', () => undefined);
    asked.end();
    return asked;
  });
  await sleep(3000);
  return () => {
    for (const asked of open) asked.destroy();
  };
};

/** Connections that had one answer each and are silent now. */
const openIdle = async (): Promise<() => void> => {
  const sockets: Socket[] = [];
  const work = async (): Promise<void> => {
    while (sockets.length < idleConnections) {
      const socket = connect(firstPort, address).on('error', () => undefined);
      sockets.push(socket);
      socket.write('GET /hello HTTP/1.1\r\nHost: app\r\n\r\n');
      await once(socket, 'data');
    }
  };
  await Promise.all(Array.from({ length: 50 }, work));
  return () => {
    for (const socket of sockets) socket.destroy();
  };
};

const measure = async (workers: number, podPort: number): Promise<readonly (readonly (string | number)[])[]> => {
  const program = join(import.meta.dirname, 'gateway-scale', 'programs', 'controller.ts');
  const controller = spawn(process.execPath, [program, String(workloads), String(firstPort), String(podPort)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: controller.stdout });
  const said = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const [line] = (await once(lines, 'line')) as [string];
      if (pattern.test(line)) return line;
    }
  };
  const change = async (perSecond: number): Promise<string> => {
    const answer = said(/^acknowledged/);
    controller.stdin.write(`change ${perSecond}\n`);
    return answer;
  };
  const [, linkPort = ''] = (await said(/^port/)).split(' ');
  const from = performance.now();
  const flags = ['--listen', address, '--metrics-port', '0', '--log-level', 'warn', '--workers', String(workers)];
  const gateway = startRouse(['gateway', '--controller', `http://127.0.0.1:${linkPort}`, ...flags]);
  try {
    const [, metrics = ''] = await gateway.line(/^ready: .*metrics=(\S+)/);
    while ((await fetch(metrics.replace('/metrics', '/readyz'))).status !== 200) await sleep(20);
    const startMs = performance.now() - from;
    const pids = workersOf(gateway);
    const alone = pids.includes(gateway.child.pid ?? 0);
    const seconds = (pid: number): string => cpuSeconds(pid).toFixed(2);
    const [startCpu, parentCpu] = [pids.map(seconds).join(' + '), alone ? '' : seconds(gateway.child.pid ?? 0)];
    await sleep(5000);
    const memory = (): string => pids.map((pid) => megabytes(pid).toFixed(0)).join(' + ');
    const [started, files] = [memory(), pids.map(openFiles).join(' + ')];
    const parent = alone ? '' : megabytes(gateway.child.pid ?? 0).toFixed(0);
    const rest = await usage(gateway, controller);
    const close = await openRequests();
    const reporting = await usage(gateway, controller);
    await change(changesASecond);
    const both = await usage(gateway, controller);
    const acknowledged = await change(0);
    close();
    await sleep(2000);
    await change(changesASecond);
    const changing = await usage(gateway, controller);
    await change(0);
    const idle = await openIdle();
    await sleep(5000);
    const withIdle = memory();
    const idleUse = await usage(gateway, controller);
    idle();
    console.error(acknowledged);
    const row = (what: string, { gateway: own, parent: over, controller: far }: Usage): readonly (string | number)[] => [what, own, over, far];
    return [
      [`start to ready with ${workloads} ports open, ms`, startMs, '', ''],
      ['CPU until then, s', startCpu, parentCpu, ''],
      ['memory then, MB', started, parent, ''],
      ['open files then', files, '', ''],
      ['CPU at rest, % of a core', ...row('', rest).slice(1)],
      [`″ with ${active} workloads in every report`, ...row('', reporting).slice(1)],
      [`″ and ${changesASecond} changes of routes a second`, ...row('', both).slice(1)],
      ['″ changes alone', ...row('', changing).slice(1)],
      [`″ with ${idleConnections} idle connections`, ...row('', idleUse).slice(1)],
      ['memory with those, MB', withIdle, '', ''],
    ];
  } finally {
    await gateway.stop('SIGKILL');
    controller.kill();
  }
};

/** A gateway with 5,000 workloads and as many ports of its own, beside the controller's end of its link: what starting, reporting and being told of changes costs. */
export const run = async (): Promise<void> => {
  const pod = createServer((asked, response) => (asked.url === '/hello' ? response.end('hello') : response.flushHeaders())).listen(0, '127.0.0.1');
  await once(pod, 'listening');
  const { port } = pod.address() as AddressInfo;
  for (const workers of (process.env.WORKERS ?? '1,2').split(',').map(Number)) {
    const rows = await measure(workers, port);
    console.log(`\n--workers ${workers}, ${cpus().length} cores\n`);
    console.log(table(['', 'gateway', 'its parent', 'controller'], rows));
  }
  pod.closeAllConnections();
  pod.close();
};
