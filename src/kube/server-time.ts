import { failed, instant, messageOf, ok, type Instant, type Result } from '../core/index.ts';
import type { KubeConnection } from './connection.ts';
import { unavailable, type Refusal } from './outcome.ts';
import { abortable } from './transport.ts';

/** What the API server's clock says, to the second, by the header `date` of an answer. */
export const serverTime = async (connection: KubeConnection, signal: AbortSignal): Promise<Result<Instant, Refusal>> => {
  try {
    const { headers, dispatcher } = await abortable(connection.authorize(), signal);
    const path = `${connection.server.pathname.replace(/\/+$/, '')}/version`;
    const response = await abortable(dispatcher.request({ origin: connection.server.origin, method: 'GET', path, headers: { ...headers }, signal }), signal);
    await response.body.dump();
    const date = Date.parse(String(response.headers['date']));
    return Number.isNaN(date) ? failed(unavailable('the API server does not say what time it is')) : ok(instant(date));
  } catch (failure) {
    return failed(unavailable(messageOf(failure)));
  }
};
