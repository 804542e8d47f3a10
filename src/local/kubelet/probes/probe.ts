import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Container, ExecAction, GRPCAction, HTTPGetAction, Probe, TCPSocketAction } from 'kubernetes-types/core/v1.d.ts';
import { messageOf } from '../../../core/index.ts';
import { grpcProblem } from './grpc.ts';

/** Outcome of one try: the message says what was seen, in a kubelet's words. */
export interface ProbeResult {
  readonly isSuccess: boolean;
  readonly message: string;
}

/** Where probes and hooks of one container go. */
export interface ProbeTarget {
  readonly podIP: string;
  readonly container: Container;
  /** The real port for a port number or name of the container; undefined if there is none. */
  port(port: number | string): number | undefined;
  /** Runs a command as the container would; rejects when `signal` aborts (and ends it). */
  exec(command: readonly string[], signal: AbortSignal): Promise<{ readonly exitCode: number; readonly output: string }>;
}

const success = (message = ''): ProbeResult => ({ isSuccess: true, message });
const failure = (message: string): ProbeResult => ({ isSuccess: false, message });

const mostRedirects = 10;
const mostBody = 10 * 1024;

const drain = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= mostBody) chunks.push(chunk);
    else break;
  }
  return Buffer.concat(chunks).toString();
};

const fetchOnce = (url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    // A connection of its own: a probe must see whether new ones are accepted. Certificates are not checked, as kubelets do not.
    const request = send(url, { agent: false, headers, signal, rejectUnauthorized: false }, resolve);
    request.on('error', reject);
    request.end();
  });

const headersOf = (action: HTTPGetAction): Record<string, string> => {
  const given = action.httpHeaders ?? [];
  const usual = Object.entries({ 'User-Agent': 'kube-probe/1.36', Accept: '*/*' }).filter(
    ([name]) => !given.some((header) => header.name.toLowerCase() === name.toLowerCase()),
  );
  return Object.fromEntries([...usual, ...given.filter(({ value }) => value !== '').map(({ name, value }): [string, string] => [name, value])]);
};

/** 200–399 is success. Redirects are followed on the same host; one to another host counts as success (k8s.io/kubernetes `pkg/probe/http`). */
export const httpGet = async (action: HTTPGetAction, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> => {
  const port = target.port(action.port);
  if (port === undefined) return failure(`couldn't find port: ${action.port}`);
  const host = action.host ?? target.podIP;
  const path = action.path ?? '/';
  let url = new URL(
    `${(action.scheme ?? 'HTTP').toLowerCase()}://${host.includes(':') ? `[${host}]` : host}:${port}${path.startsWith('/') ? path : `/${path}`}`,
  );
  try {
    for (let redirects = 0; redirects <= mostRedirects; redirects += 1) {
      const response = await fetchOnce(url, headersOf(action), signal);
      const status = response.statusCode ?? 0;
      const location = status >= 300 && status < 400 ? response.headers.location : undefined;
      if (location === undefined) {
        await drain(response);
        return status >= 200 && status < 400 ? success() : failure(`HTTP probe failed with statuscode: ${status}`);
      }
      response.destroy();
      const next = new URL(location, url);
      if (next.hostname !== url.hostname) return success('Probe terminated redirects');
      url = next;
    }
    return failure(`Get "${url.href}": stopped after ${mostRedirects} redirects`);
  } catch (thrown) {
    return failure(`Get "${url.href}": ${signal.aborted ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)' : messageOf(thrown)}`);
  }
};

export const tcpSocket = (action: TCPSocketAction, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> => {
  const port = target.port(action.port);
  if (port === undefined) return Promise.resolve(failure(`couldn't find port: ${action.port}`));
  const host = action.host ?? target.podIP;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (result: ProbeResult): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(result);
    };
    const onAbort = (): void => {
      finish(failure(`dial tcp ${host}:${port}: i/o timeout`));
    };
    socket.once('connect', () => {
      finish(success());
    });
    socket.once('error', (error) => {
      finish(failure(`dial tcp ${host}:${port}: ${error.message}`));
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
};

export const exec = async (action: ExecAction, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> => {
  const command = action.command ?? [];
  try {
    const { exitCode, output } = await target.exec(command, signal);
    return exitCode === 0 ? success(output) : failure(output === '' ? `command "${command.join(' ')}" exited with ${exitCode}` : output);
  } catch (thrown) {
    return failure(signal.aborted ? `command "${command.join(' ')}" timed out` : messageOf(thrown));
  }
};

export const grpc = async (action: GRPCAction, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> => {
  const problem = await grpcProblem(target.podIP, target.port(action.port) ?? action.port, action.service ?? '', signal);
  return problem === undefined ? success() : failure(problem);
};

/** One try of a probe; `signal` aborts at its timeout. */
export const tryProbe = (probe: Probe, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> => {
  if (probe.httpGet !== undefined) return httpGet(probe.httpGet, target, signal);
  if (probe.tcpSocket !== undefined) return tcpSocket(probe.tcpSocket, target, signal);
  if (probe.exec !== undefined) return exec(probe.exec, target, signal);
  if (probe.grpc !== undefined) return grpc(probe.grpc, target, signal);
  return Promise.resolve(failure('the probe names no handler: give it one of httpGet, tcpSocket, exec or grpc'));
};
