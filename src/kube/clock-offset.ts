import { between, failed, instant, messageOf, ok, type Clock, type Millis, type Result } from '../core/index.ts';
import type { KubeConnection } from './connection.ts';
import { unavailable, type Refusal } from './outcome.ts';
import { abortable } from './transport.ts';

/**
 * How far our clock is ahead of the API server's, by the header `date` of an answer: that is a whole second, of which half has passed on average, and was
 * written about half-way through the call (as NTP reckons, RFC 5905 section 8), so that a server that takes long to answer is not behind for that.
 */
export const clockOffset = async (connection: KubeConnection, clock: Clock, signal: AbortSignal): Promise<Result<Millis, Refusal>> => {
  try {
    const { headers, dispatcher } = await abortable(connection.authorize(), signal);
    const path = `${connection.server.pathname.replace(/\/+$/, '')}/version`;
    const asked = clock.now();
    const response = await abortable(dispatcher.request({ origin: connection.server.origin, method: 'GET', path, headers: { ...headers }, signal }), signal);
    const answered = clock.now();
    await response.body.dump();
    const date = Date.parse(String(response.headers['date']));
    if (Number.isNaN(date)) return failed(unavailable('the API server does not say what time it is'));
    return ok(between(instant(date + 500), instant((asked + answered) / 2)));
  } catch (failure) {
    return failed(unavailable(messageOf(failure)));
  }
};
