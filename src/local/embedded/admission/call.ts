import { Agent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { isAbort, messageOf, seconds, type Clock } from '../../../core/index.ts';

export interface CallTarget {
  /** With the path, without the query. */
  readonly url: string;
  /** Where to connect, if not where `url` says (a Service has no address that is routed here). */
  readonly connectTo: { readonly host: string; readonly port: number } | undefined;
  readonly caPem: string | undefined;
}

const longestAnswer = 3 * 1024 * 1024;

/** Connections that a server has closed while they were idle fail at once when they are used again: then, and only then, once more. */
const wasStale = (error: unknown, reused: boolean): boolean =>
  reused && error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');

/** POSTs AdmissionReviews over HTTPS, on connections that are kept. */
export class WebhookCaller {
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 8, maxSockets: 256 });
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The parsed answer of a webhook. Rejects with a message in the words of kube-apiserver. */
  async post(target: CallTarget, body: string, timeoutSeconds: number): Promise<unknown> {
    const url = new URL(target.url);
    url.searchParams.set('timeout', `${String(timeoutSeconds)}s`);
    const deadline = new AbortController();
    const timer = this.#clock.after(seconds(timeoutSeconds), () => {
      deadline.abort(new DOMException('context deadline exceeded', 'TimeoutError'));
    });
    try {
      return await this.#exchange(target, url, body, deadline.signal, true);
    } catch (error) {
      const why = deadline.signal.aborted || isAbort(error) ? 'context deadline exceeded' : messageOf(error);
      throw new Error(`failed to call webhook: Post ${JSON.stringify(url.href)}: ${why}`, { cause: error });
    } finally {
      timer.cancel();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #exchange(target: CallTarget, url: URL, body: string, signal: AbortSignal, mayRepeat: boolean): Promise<unknown> {
    const name = url.hostname.replace(/^\[|\]$/g, '');
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(
        {
          agent: this.#agent,
          host: target.connectTo?.host ?? name,
          port: target.connectTo?.port ?? (url.port === '' ? 443 : Number(url.port)),
          path: `${url.pathname}${url.search}`,
          method: 'POST',
          headers: {
            host: url.host,
            'content-type': 'application/json',
            accept: 'application/json, */*',
            'content-length': Buffer.byteLength(body),
            'user-agent': 'kube-apiserver-admission',
          },
          // SNI and the name that is checked; an address is checked as such.
          ...(isIP(name) === 0 ? { servername: name } : {}),
          ...(target.caPem === undefined ? {} : { ca: target.caPem }),
          signal,
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          let size = 0;
          incoming.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > longestAnswer) outgoing.destroy(new Error(`the answer is longer than ${String(longestAnswer)} bytes`));
            else chunks.push(chunk);
          });
          incoming.on('error', reject);
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            if (incoming.statusCode === 200) resolve(parsed(text));
            else reject(new Error(`the server answered ${String(incoming.statusCode)}: ${text.slice(0, 200)}`));
          });
        },
      );
      outgoing.on('error', (error) => {
        if (mayRepeat && wasStale(error, outgoing.reusedSocket)) this.#exchange(target, url, body, signal, false).then(resolve, reject);
        else reject(error);
      });
      outgoing.end(body);
    });
  }
}

/** Not JSON is read as nothing: the verdict then says what was expected. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
