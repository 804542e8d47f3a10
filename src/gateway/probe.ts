import { connect, type Socket } from 'node:net';
import { millis, type Clock, type Logger, type PodProbe, type Timer } from '../core/index.ts';
import { get } from './node-http.ts';

/** What is probed: at which address and how; `await-ready` cannot be probed from here and is never passed in. */
export interface ProbeAim {
  readonly address: string;
  readonly probe: Exclude<PodProbe, { kind: 'await-ready' }>;
}

const shortestPauseMs = 2;
const longestPauseMs = 250;
/** A pause is this share of the time that the pod has already taken: so much may a start be prolonged by looking too late. */
const pauseShare = 0.08;
/** Each attempt may take so much longer than the one before. */
const limitGrowth = 1.4;
/**
 * A connection attempt may hang where the network of a pod that has just started is not there yet: the kernel would send the next SYN after 1 s. Short attempts that get longer find the pod sooner
 * (as knative.dev/pkg/network/transports.go does).
 */
const firstConnectMs = 50;

/** Connects; ends with true, or false after `limitMs` or a refusal. The socket is left open on success. */
const dial = (clock: Clock, address: string, port: number, limitMs: number, done: (socket: Socket | undefined) => void): (() => void) => {
  const socket = connect({ host: address, port, noDelay: true });
  let settled = false;
  const settle = (connected: boolean): void => {
    if (settled) return;
    settled = true;
    timer.cancel();
    if (!connected) socket.destroy();
    done(connected ? socket : undefined);
  };
  const timer = clock.after(millis(limitMs), () => settle(false));
  socket.on('error', () => settle(false));
  socket.on('connect', () => settle(true));
  return () => settle(false);
};

/** A GET over an open connection, judged as the kubelet does: 200 to 399 is ready. */
const ask = (clock: Clock, socket: Socket, aim: ProbeAim, done: (ready: boolean) => void): void => {
  const { probe, address } = aim;
  if (probe.kind === 'tcp') {
    socket.destroy();
    done(true);
    return;
  }
  let settled = false;
  const settle = (ready: boolean): void => {
    if (settled) return;
    settled = true;
    timer.cancel();
    socket.destroy();
    done(ready);
  };
  const timer = clock.after(millis(probe.timeoutMs), () => settle(false));
  const headers = { 'user-agent': 'rouse-probe/1', accept: '*/*', connection: 'close', ...probe.headers };
  const request = get({ host: address, port: probe.port, path: probe.path, headers, agent: false, createConnection: () => socket }, (response) => {
    response.resume();
    settle(response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 400);
  });
  request.on('error', () => settle(false));
  request.on('close', () => settle(false));
};

/**
 * Probes until it succeeds or is stopped: at once, then every 2 ms, rising to every 250 ms. Returns the way to stop; `succeeded` is called at most once.
 */
export const probeUntilReady = (clock: Clock, logger: Logger, aim: ProbeAim, succeeded: () => void): (() => void) => {
  let stopped = false;
  let timer: Timer | undefined;
  let hangUp: (() => void) | undefined;
  const startedAt = clock.monotonic();
  let connectLimit = firstConnectMs;
  const again = (): void => {
    if (stopped) return;
    const pause = Math.min(longestPauseMs, Math.max(shortestPauseMs, (clock.monotonic() - startedAt) * pauseShare));
    timer = clock.after(millis(pause), attempt);
  };
  const attempt = (): void => {
    hangUp = dial(clock, aim.address, aim.probe.port, Math.min(connectLimit, aim.probe.timeoutMs), (socket) => {
      if (stopped || socket === undefined) {
        socket?.destroy();
        connectLimit *= limitGrowth;
        again();
        return;
      }
      ask(clock, socket, aim, (ready) => {
        if (!ready) again();
        else if (!stopped) succeeded();
      });
    });
  };
  try {
    attempt();
  } catch (error) {
    // An address that is none: nothing to wait for, the controller will send another.
    logger.warn('a pod cannot be probed', { address: aim.address, error });
  }
  return () => {
    stopped = true;
    timer?.cancel();
    hangUp?.();
  };
};
