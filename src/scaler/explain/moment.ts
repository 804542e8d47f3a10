import { instant, parseDuration, parseRfc3339, type Instant } from '../../core/index.ts';

/** `2026-01-05T12:00:00Z` (RFC 3339), or how long ago: `5m ago`, `5m`; undefined if `text` is neither, or is to come. */
export const parseMoment = (text: string, now: Instant): Instant | undefined => {
  const trimmed = text.trim();
  const at = parseRfc3339(trimmed);
  if (at !== undefined) return at <= now ? at : undefined;
  const ago = parseDuration(trimmed.replace(/\s+ago$/, ''));
  return ago === undefined || ago < 0 ? undefined : instant(now - ago);
};
