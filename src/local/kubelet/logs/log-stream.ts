import type { PodLogRequest } from '../../embedded/pod-log-source.ts';
import type { ContainerLog } from './container-log.ts';

type Options = Pick<PodLogRequest, 'follow' | 'timestamps' | 'tailLines' | 'sinceMs' | 'limitBytes' | 'signal'>;

/** RFC 3339 with nine digits, as `kubectl logs --timestamps` shows it. */
const stamp = (at: number): string => `${new Date(at).toISOString().slice(0, -1)}000000Z `;

/** First line to give: of those since `sinceMs` the last `tailLines`. */
const firstLine = (log: ContainerLog, { tailLines, sinceMs }: Options): number => {
  const { first, past } = log.bounds;
  let start = tailLines === undefined ? first : Math.max(first, past - Math.max(0, tailLines));
  while (sinceMs !== undefined && start < past && (log.line(start)?.at ?? 0) < sinceMs) start += 1;
  return start;
};

/** The text of a log; a reader that is too slow to follow loses the lines that are dropped meanwhile, so nothing is queued for it. */
export const streamLog = async function* (log: ContainerLog, options: Options): AsyncGenerator<Uint8Array> {
  let left = options.limitBytes ?? Infinity;
  let next = firstLine(log, options);
  for (;;) {
    const { first, past } = log.bounds;
    const parts: Buffer[] = [];
    for (next = Math.max(next, first); next < past; next += 1) {
      const line = log.line(next);
      if (line === undefined) continue;
      if (options.timestamps) parts.push(Buffer.from(stamp(line.at)));
      parts.push(line.bytes);
    }
    const bytes = Buffer.concat(parts);
    if (bytes.length > 0) yield bytes.length > left ? bytes.subarray(0, left) : bytes;
    left -= bytes.length;
    if (left <= 0 || options.signal.aborted) return;
    if (log.bounds.past > next) continue;
    if (!options.follow || log.isEnded) return;
    await log.changed(options.signal);
  }
};
