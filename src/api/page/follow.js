/**
 * @typedef {{ kind: 'opening' } | { kind: 'live' } | { kind: 'lost', why: string, retryMs: number } | { kind: 'refused', status: number, detail: string }} Connection
 */

/** The server says something every 2 s: a connection that is silent for longer is dead. */
const silenceMs = 8000;
const pauses = [500, 1000, 2000, 4000, 8000];
/** Of one event: a story of 200 ticks takes some 30 KB. */
const longestEvent = 4 << 20;

/**
 * Reads the blocks of an event stream as the controller writes them: `event:` and `data:` lines, and comments.
 * @param {ReadableStream<Uint8Array>} body
 * @param {(event: string, data: unknown) => void} onEvent
 * @param {() => void} onSign runs with everything that arrives
 */
const readEvents = async (body, onEvent, onSign) => {
  const reader = body.pipeThrough(/** @type {ReadableWritablePair<string, Uint8Array>} */ (new TextDecoderStream())).getReader();
  let unread = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onSign();
    unread += value;
    if (unread.length > longestEvent) throw new Error('an event without end');
    const blocks = unread.split('\n\n');
    unread = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      if (event !== undefined && data !== undefined) onEvent(event, JSON.parse(data));
    }
  }
};

/** @param {Response} response */
const detailOf = async (response) => {
  try {
    return String((await response.json()).detail);
  } catch {
    return `it answers ${response.status}`;
  }
};

/**
 * Server-Sent Events by `fetch`, for `EventSource` cannot send a token. Comes back by itself until `signal` aborts, or until the controller says no.
 * @param {{
 *   query: string,
 *   token: string | undefined,
 *   signal: AbortSignal,
 *   onEvent: (event: string, data: unknown) => void,
 *   onConnection: (connection: Connection) => void,
 * }} options
 */
export const follow = async ({ query, token, signal, onEvent, onConnection }) => {
  let failures = 0;
  onConnection({ kind: 'opening' });
  while (!signal.aborted) {
    const begun = performance.now();
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    signal.addEventListener('abort', stop);
    let timer = setTimeout(stop, silenceMs);
    const sign = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, silenceMs);
    };
    let why = 'the controller does not answer';
    try {
      const headers = token === undefined ? {} : { 'rouse-authorization': `Bearer ${token}` };
      const response = await fetch(`live?${query}`, { headers, signal: attempt.signal, cache: 'no-store' });
      if (response.ok && response.body !== null) {
        const live = () => {
          failures = 0;
          onConnection({ kind: 'live' });
        };
        live();
        await readEvents(response.body, onEvent, sign);
        // Its time was over: the next one begins at once.
        if (performance.now() - begun > silenceMs) continue;
        throw new Error('that was no stream of a controller');
      }
      const detail = await detailOf(response);
      if (response.status < 500 && response.status !== 429) {
        onConnection({ kind: 'refused', status: response.status, detail });
        return;
      }
      why = detail;
    } catch {
      // Nothing there, cut off, or silent.
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
    if (signal.aborted) return;
    const retryMs = pauses[Math.min(failures, pauses.length - 1)] ?? 0;
    failures += 1;
    onConnection({ kind: 'lost', why, retryMs });
    await new Promise((resolve) => {
      const waiting = setTimeout(resolve, retryMs);
      signal.addEventListener(
        'abort',
        () => {
          clearTimeout(waiting);
          resolve(undefined);
        },
        { once: true },
      );
    });
  }
};
