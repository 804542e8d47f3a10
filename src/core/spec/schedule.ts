import { failed, ok, type Result } from '../result.ts';
import { pods, type Pods } from '../units.ts';
import { largestInteger, type Parse } from './scalars.ts';
import { weekdays, type ScheduleWindow, type Weekday } from './scale-spec.ts';
import { parseYamlList, type Fields } from './yaml-list.ts';

const mostWindows = 100;

const dayIndex = (text: string): number => weekdays.findIndex((day) => day === text.trim().toLowerCase());

/** `mon-fri`, `sat, sun`, `fri-mon` (over the week's end), `daily`, or a list of those. */
const parseDays = (value: unknown): readonly Weekday[] | undefined => {
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  const chosen = new Set<Weekday>();
  for (const text of texts) {
    if (typeof text !== 'string') return undefined;
    for (const part of text.split(',')) {
      if (part.trim() === 'daily') {
        for (const day of weekdays) chosen.add(day);
        continue;
      }
      const [first = '', last = first, ...more] = part.split('-');
      const [from, to] = [dayIndex(first), dayIndex(last)];
      if (from < 0 || to < 0 || more.length > 0) return undefined;
      for (let step = 0; step <= (to - from + 7) % 7; step++) {
        const day = weekdays[(from + step) % 7];
        if (day !== undefined) chosen.add(day);
      }
    }
  }
  return chosen.size === 0 ? undefined : weekdays.filter((day) => chosen.has(day));
};

const parseTimeOfDay = (value: unknown, latest: number): number | undefined => {
  const match = typeof value === 'string' ? /^(\d{1,2}):([0-5]\d)$/.exec(value.trim()) : null;
  if (match === null) return undefined;
  const minute = Number(match[1]) * 60 + Number(match[2]);
  return minute <= latest ? minute : undefined;
};

/** True for a name of the IANA time zone database (not for a bare offset, which knows no daylight saving). */
export const isTimezone = (name: string): boolean => {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};

const count = (value: unknown): Pods | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= largestInteger ? pods(value) : undefined;

const parseWindow = (fields: Fields): Result<ScheduleWindow, string> => {
  const days = parseDays(fields['days']);
  if (days === undefined) return failed('has no legal days (want mon … sun, ranges such as mon-fri, or daily)');
  const fromMinute = parseTimeOfDay(fields['from'], 24 * 60 - 1);
  if (fromMinute === undefined) return failed('has no legal from (want 00:00 … 23:59)');
  const toMinute = parseTimeOfDay(fields['to'], 24 * 60);
  if (toMinute === undefined) return failed('has no legal to (want 00:00 … 24:00)');
  const timezone = fields['timezone'];
  if (typeof timezone !== 'string' || !isTimezone(timezone)) return failed('has no known timezone (want an IANA name such as Europe/Vienna)');
  const [min, max] = [count(fields['min']), count(fields['max'])];
  if ((fields['min'] !== undefined && min === undefined) || (fields['max'] !== undefined && max === undefined))
    return failed('has a min or max that is not a whole number from 0');
  if (min === undefined && max === undefined) return failed('has neither min nor max');
  if (min !== undefined && max !== undefined && min > max) return failed('has a min above its max');
  return ok({ days, fromMinute, toMinute, timezone, ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) });
};

export const schedule: Parse<readonly ScheduleWindow[]> = (text) =>
  parseYamlList(text, mostWindows, ['days', 'from', 'to', 'timezone', 'min', 'max'], parseWindow);
