import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';
import { envoyConfiguration, type Tuning } from './envoy.ts';
import { callOnce } from './grpc-call.ts';
import type { Ports } from './load.ts';
import { startNginx } from './nginx.ts';
import { resources, tlsHost, type Origin } from './origin.ts';
import type { Program, Programs } from './programs.ts';
import { getOverTls, type TlsPair } from './tls-pair.ts';

/** `envoy-defaults`: the same Envoy with the settings that its users have, where `envoy` does as little as it can. */
export const contestants = ['rouse', 'nginx', 'envoy', 'envoy-defaults', 'floor'] as const;
export type Contestant = (typeof contestants)[number];

/** A reverse proxy that runs: a port for HTTP, one for WebSocket, one for gRPC, one for HTTPS. */
export interface Proxy extends Ports {
  readonly name: Contestant;
  /** The process whose CPU and memory count. */
  readonly pid: number;
  readonly program: Program;
}

export interface Surroundings {
  readonly programs: Programs;
  readonly directory: string;
  readonly origin: Origin;
  /** Undefined where nothing is asked over TLS. */
  readonly tls: TlsPair | undefined;
  readonly binaries: { readonly rouse: string; readonly nginx: string; readonly envoy: string };
}

type Start = (around: Surroundings, ports: Ports) => Promise<Pick<Proxy, 'pid' | 'program'>>;

const ownPid = (program: Program): Pick<Proxy, 'pid' | 'program'> => ({ program, pid: program.pid });

const starts: Readonly<Record<Contestant, Start>> = {
  rouse: async ({ programs, directory, origin, binaries, tls }, ports) => {
    const file = join(directory, `routes-${ports.port}.json`);
    const workload = (name: string, from: number, to: number, protocol = 'http1', hosts: readonly string[] = []): object => ({
      name: `default/${name}`,
      hosts,
      listeners: [{ address: '127.0.0.1', port: from, protocol }],
      endpoints: [{ address: '127.0.0.1', port: to }],
    });
    const workloads = [workload('app', ports.port, origin.port, 'http1', [tlsHost]), workload('echo', ports.webSocketPort, origin.webSocketPort)];
    workloads.push(workload('calls', ports.grpcPort, origin.grpcPort, 'grpc'));
    await writeFile(file, JSON.stringify({ workloads }));
    const secure = tls === undefined ? [] : ['--tls-port', String(ports.tlsPort), '--tls-cert-dir', tls.directory];
    const flags = ['--routes', file, '--listen', '127.0.0.1', ...secure, '--metrics-port', '0', '--log-level', 'error'];
    return ownPid(programs.start('rouse', process.execPath, [binaries.rouse, 'gateway', ...flags]));
  },
  nginx: async ({ programs, directory, origin, binaries, tls }, ports) => {
    const { program, workerPid } = await startNginx(programs, binaries.nginx, directory, `nginx-${ports.port}`, nginxProxy(ports, origin, tls));
    return { program, pid: workerPid };
  },
  envoy: (around, ports) => startEnvoy('lean', around, ports),
  'envoy-defaults': (around, ports) => startEnvoy('defaults', around, ports),
  floor: ({ programs, origin }, ports) => {
    const pairs = [`${ports.port}:${origin.port}`, `${ports.webSocketPort}:${origin.webSocketPort}`, `${ports.grpcPort}:${origin.grpcPort}`];
    return Promise.resolve(ownPid(programs.start('floor', process.execPath, [join(import.meta.dirname, 'programs', 'floor.ts'), ...pairs])));
  },
};

const startEnvoy = async (
  tuning: Tuning,
  { programs, directory, origin, binaries, tls }: Surroundings,
  ports: Ports,
): Promise<Pick<Proxy, 'pid' | 'program'>> => {
  const file = join(directory, `envoy-${ports.port}.json`);
  const way = (name: keyof Origin): { readonly from: number; readonly to: number } => ({ from: ports[name], to: origin[name] });
  const secure = tls && { from: ports.tlsPort, ...tls };
  await writeFile(file, JSON.stringify(envoyConfiguration(tuning, way('port'), way('webSocketPort'), way('grpcPort'), secure)));
  return ownPid(programs.start('envoy', binaries.envoy, ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']));
};

/** Temporary files are off, both ways: they would be written for every large answer that the client does not take at once, and for every large upload. */
const nginxProxy = ({ port, webSocketPort, grpcPort, tlsPort }: Ports, origin: Origin, tls: TlsPair | undefined): string => `
  upstream origin { server 127.0.0.1:${origin.port}; keepalive 512; keepalive_timeout 1h; keepalive_time 24h; keepalive_requests 1000000000; }
  upstream calls { server 127.0.0.1:${origin.grpcPort}; keepalive 512; keepalive_timeout 1h; keepalive_time 24h; keepalive_requests 1000000000; }
  upstream echo { server 127.0.0.1:${origin.webSocketPort}; }
  proxy_http_version 1.1;
  proxy_max_temp_file_size 0;
  proxy_request_buffering off;
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    ${tls === undefined ? '' : `listen 127.0.0.1:${tlsPort} ssl backlog=4096; ssl_certificate ${tls.certificateFile}; ssl_certificate_key ${tls.keyFile};`}
    location / {
      proxy_pass http://origin;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
  server {
    listen 127.0.0.1:${webSocketPort} backlog=4096;
    location / {
      proxy_pass http://echo;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
  server {
    listen 127.0.0.1:${grpcPort} http2 backlog=4096;
    location / {
      grpc_pass grpc://calls;
      grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }`;

/** Starts a contestant; it has answered once when this resolves. */
export const startProxy = async (around: Surroundings, name: Contestant): Promise<Proxy> => {
  const ports = {
    port: await freePort(),
    webSocketPort: await freePort(),
    grpcPort: await freePort(),
    tlsPort: around.tls === undefined || name === 'floor' ? 0 : await freePort(),
  };
  const proxy = { name, ...ports, ...(await starts[name](around, ports)) };
  await until(`${name} answers`, async () => {
    proxy.program.check();
    return fetch(urlOf(proxy, resources.hello.path)).then(
      async (answer) => (await answer.text()) !== '' && answer.ok,
      () => false,
    );
  });
  return proxy;
};

const urlOf = ({ port }: Ports, path: string): string => `http://127.0.0.1:${port}${path}`;

/** Throws unless the contestant serves everything that the origin has: what is measured is then the same work. */
export const checkProxy = async (proxy: Proxy, tls: TlsPair | undefined, calls: boolean): Promise<void> => {
  const grpcStatus = calls ? await callOnce(proxy.grpcPort) : '0';
  if (grpcStatus !== '0') throw new Error(`${proxy.name} answers a call of gRPC with status ${grpcStatus}`);
  if (tls !== undefined && proxy.tlsPort !== 0) await getOverTls(proxy.tlsPort, resources.hello.path, tls.caPem);
  for (const { path, bytes } of Object.values(resources)) {
    const answer = await fetch(urlOf(proxy, path), path === resources.taken.path ? { method: 'POST', body: 'x'.repeat(1024) } : {});
    const { byteLength } = await answer.arrayBuffer();
    if (answer.status !== 200 || byteLength !== bytes)
      throw new Error(`${proxy.name} answers ${path} with ${answer.status} and ${byteLength} bytes, not ${bytes}`);
  }
};
