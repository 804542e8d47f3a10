import { instant, parseDuration, type Instant } from '../../core/index.ts';

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** `2026-01-05T12:00:00Z` (RFC 3339), or how long ago: `5m ago`, `5m`; undefined if `text` is neither. */
export const parseMoment = (text: string, now: Instant): Instant | undefined => {
  const trimmed = text.trim();
  if (rfc3339.test(trimmed)) {
    const at = Date.parse(trimmed.replace(' ', 'T'));
    return Number.isNaN(at) ? undefined : instant(at);
  }
  const ago = parseDuration(trimmed.replace(/\s+ago$/, ''));
  return ago === undefined || ago < 0 ? undefined : instant(now - ago);
};
