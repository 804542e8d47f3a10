import { failed, ok, parseRfc3339, type Result } from '../../core/index.ts';
import type { Load } from './loads.ts';

/** A week of seconds. */
export const mostSeconds = 7 * 24 * 3600;
const largestValue = 1e6;

const header = /^\s*time\s*,\s*(rps|concurrency)\s*$/i;
const offset = /^\d+(\.\d+)?$/;

interface Row {
  readonly second: number;
  readonly value: number;
}

/** A recorded time: seconds, and whether they count from 1970. */
const timeOf = (text: string): { readonly second: number; readonly isDate: boolean } | undefined => {
  if (offset.test(text)) return { second: Number(text), isDate: false };
  const at = parseRfc3339(text);
  return at === undefined ? undefined : { second: at / 1000, isDate: true };
};

const numberOf = (text: string): number | undefined => {
  const value = text === '' ? Number.NaN : Number(text);
  return value >= 0 && value <= largestValue ? value : undefined;
};

/**
 * A load that somebody recorded: a header `time,rps` or `time,concurrency`, then a row for each change. A time is seconds (of any beginning) or RFC 3339; a value holds until the next row, the last
 * one as long as the one before it. Empty lines and lines that begin with # are skipped. The problem is a sentence with the number of the line.
 */
export const parseLoad = (text: string, name: string): Result<Load, string> => {
  let unit: Load['unit'] | undefined;
  let kind: boolean | undefined;
  const rows: Row[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    const at = `line ${index + 1}`;
    if (line === '' || line.startsWith('#')) continue;
    if (unit === undefined) {
      const [, found] = header.exec(line) ?? [];
      if (found === undefined) return failed(`${at}: want the header "time,rps" or "time,concurrency", got "${clipped(line)}"`);
      unit = found.toLowerCase() as Load['unit'];
      continue;
    }
    const cells = line.split(',').map((cell) => cell.trim());
    if (cells.length !== 2) return failed(`${at}: want two values, a time and ${unit}, got ${cells.length}`);
    const [timeText = '', valueText = ''] = cells;
    const time = timeOf(timeText);
    if (time === undefined) return failed(`${at}: "${clipped(timeText)}" is no time; want seconds (12.5) or RFC 3339 (2026-01-05T09:00:00Z)`);
    if (kind !== undefined && kind !== time.isDate) return failed(`${at}: times must be all seconds, or all RFC 3339`);
    kind = time.isDate;
    const value = numberOf(valueText);
    if (value === undefined) return failed(`${at}: "${clipped(valueText)}" is no ${unit}; want a number from 0 to ${largestValue}, e.g. 12.5`);
    const before = rows.at(-1);
    if (before !== undefined && time.second <= before.second) return failed(`${at}: its time is not after that of the row before`);
    if (time.second - (rows[0]?.second ?? time.second) > mostSeconds) return failed(`${at}: this is more than a week after the first row`);
    rows.push({ second: time.second, value });
  }
  const [first] = rows;
  if (unit === undefined || first === undefined) return failed(`there is no ${unit === undefined ? 'header' : 'row'} in it`);
  return ok({ name, unit, perSecond: seconds(rows, first), ...(kind === true ? { startedAt: Math.floor(first.second) * 1000 } : {}) });
};

/** The mean of each second. */
const seconds = (rows: readonly Row[], first: Row): readonly number[] => {
  const start = Math.floor(first.second);
  const last = rows.at(-1) ?? first;
  const lastLength = Math.max(1, last.second - (rows.at(-2)?.second ?? last.second - 1));
  const end = Math.min(mostSeconds, Math.max(1, Math.ceil(last.second + lastLength - start)));
  const sums = new Array<number>(end).fill(0);
  for (const [index, { second, value }] of rows.entries()) {
    const from = index === 0 ? 0 : second - start;
    const to = Math.min(end, (rows[index + 1]?.second ?? Infinity) - start);
    for (let at = Math.floor(from); at < to; at += 1) sums[at] = (sums[at] ?? 0) + value * (Math.min(to, at + 1) - Math.max(from, at));
  }
  return sums;
};

const clipped = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
