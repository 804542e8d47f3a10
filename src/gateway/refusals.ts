import type { WakeFailureReason } from '../core/index.ts';
import type { Refusal } from './call.ts';
import type { BrokenOffBy } from './counters.ts';

/** The answers of the gateway's own, one place for their words. */

/** What is counted where the client went away first (the number that nginx logs). */
export const abandonedStatus = 499;
/** What is counted for a TCP connection. */
export const connectionStatus = 0;

export const queueFull: Refusal = { code: 'hold-queue-full', detail: 'too many requests already wait for this workload to start', retryAfterSeconds: 1 };
export const gatewayFull: Refusal = {
  code: 'hold-queue-full',
  detail: 'this gateway holds as many requests as it can, and no workload more of them than this one',
  retryAfterSeconds: 1,
};
export const cannotConnect: Refusal = { code: 'connect-failed', detail: 'no pod of the workload takes connections', retryAfterSeconds: 1 };
export const ignoredAtZero: Refusal = { code: 'connect-failed', detail: 'no pod runs, and a request that rouse.dev/ignore-requests names wakes none' };
export const notRouted: Refusal = { code: 'connect-failed', detail: 'the workload is not served here any more', retryAfterSeconds: 1 };
export const shuttingDown: Refusal = { code: 'shutting-down', detail: 'the gateway shuts down', retryAfterSeconds: 1 };
export const upstreamReset: Refusal = { code: 'upstream-reset', detail: 'the pod broke off before it answered' };
export const notHttp2: Refusal = { code: 'upstream-reset', detail: 'the pod does not speak HTTP/2, as the protocol of its port (h2c or grpc) says' };
/** Who broke off a request that ends with `code`; undefined for nobody: it is refused in order. */
export const brokenOffBy = ({ code }: Refusal, answering: boolean): BrokenOffBy | undefined => {
  if (code === 'upstream-reset') return 'pod';
  if (code === 'malformed-request') return 'client';
  return answering ? 'gateway' : undefined;
};
export const notWebSocket: Refusal = { code: 'upstream-reset', detail: 'the pod does not speak WebSocket here' };
export const versionNotSpoken: Refusal = {
  code: 'http-version-not-supported',
  detail: 'the workload is served over HTTP/2 alone, by ALPN over TLS or with prior knowledge in clear text (protocol h2c or grpc)',
};
export const unknownHost = (host: string): Refusal => ({
  code: 'unknown-host',
  detail: host === '' ? 'the request names no host' : `no workload is served as ${host}`,
});
export const malformed = (detail: string): Refusal => ({ code: 'malformed-request', detail });
/** `atZero`: there was no pod that could be used at all. */
export const heldTooLong = (limitMs: number, atZero: boolean): Refusal => ({
  code: 'hold-timeout',
  detail: `no pod became ${atZero ? 'ready' : 'free'} within ${limitMs / 1000} s`,
});
export const responseTooLate = (what: string, limitMs: number): Refusal => ({
  code: 'response-timeout',
  detail: `${what} took longer than ${limitMs / 1000} s`,
});
export const wakeFailed = ({ reason, message }: { readonly reason: WakeFailureReason; readonly message: string }): Refusal => ({
  code: 'wake-failed',
  detail: message,
  reason,
  retryAfterSeconds: 5,
});
