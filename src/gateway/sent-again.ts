import { joinUpTo } from './http1/outbox.ts';
import type { Reuse } from './http1/upstreams.ts';

/**
 * When a request is sent a second time, though a pod may have seen it: a safe one without a body, whose kept connection broke so soon that the pod must have been closing it. A connection
 * that the pod had closed breaks within a round trip of the first byte written into it; one that breaks later is a pod that broke.
 */

/** They ask for no change (RFC 9110 §9.2.1, §9.2.2). */
const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
/** Of a head that is passed on: forwarding fields, trace context. */
const mostAddedBytes = 1024;
/** 200 to 250 ms. Sweeps stand still where the gateway does, for want of CPU, and hears of the break only afterwards. */
const deadWithinSweeps = 5;

/** Nothing is lost by sending it twice, and all of it is still here. */
export const isReplayable = ({ method, hasBody }: { readonly method: string; readonly hasBody: boolean }): boolean => !hasBody && safe.has(method);

/** Which kept connection may be tried for it. `bodyBytes`: infinite where that is not known. */
export const keptFor = (request: { readonly method: string; readonly hasBody: boolean; readonly bytes: number }, bodyBytes: number): Reuse => {
  if (isReplayable(request)) return 'any';
  return request.bytes + bodyBytes <= joinUpTo - mostAddedBytes ? 'fresh' : 'fresh-long';
};

/** `sweeps`: of the deadlines, since the request went out over a connection that had carried others before. */
export const wasDead = (sweeps: number): boolean => sweeps < deadWithinSweeps;
