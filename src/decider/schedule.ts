import { IANAZone } from 'luxon';
import { weekdays, type Instant, type Pods, type ScheduleWindow } from '../core/index.ts';

/** What the calendar says at one moment: over all windows that hold, the highest floor and the lowest ceiling. */
export interface ScheduleBounds {
  readonly min: Pods | undefined;
  readonly max: Pods | undefined;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const noBounds: ScheduleBounds = { min: undefined, max: undefined };

const lowest = (left: Pods | undefined, right: Pods | undefined): Pods | undefined =>
  left === undefined || (right !== undefined && right < left) ? right : left;
const highest = (left: Pods | undefined, right: Pods | undefined): Pods | undefined =>
  left === undefined || (right !== undefined && right > left) ? right : left;

/** Where the zone's offset changes between two moments that lie on different sides of one change. */
const changeBetween = (zone: IANAZone, from: number, to: number): number => {
  let [before, at] = [from, to];
  while (at - before > 1) {
    const middle = Math.floor((before + at) / 2);
    if (zone.offset(middle) === zone.offset(from)) before = middle;
    else at = middle;
  }
  return at;
};

/**
 * The moment at which a clock on the wall of `zone` shows `wall` (ms, as if it were UTC). A time that the clocks skip is the moment of the
 * skip; one that they show twice is the first for a beginning and the second for an end, so that no window ends and begins again.
 */
const momentOf = (wall: number, zone: IANAZone, end: 'begins' | 'ends'): number => {
  const before = zone.offset(wall - dayMs);
  const later = zone.offset(wall + dayMs);
  const candidates = [...new Set([before, later])].map((offset) => ({ at: wall - offset * minuteMs, offset }));
  const shown = candidates.filter(({ at, offset }) => zone.offset(at) === offset).map(({ at }) => at);
  if (shown.length > 0) return end === 'begins' ? Math.min(...shown) : Math.max(...shown);
  const moments = candidates.map(({ at }) => at);
  return changeBetween(zone, Math.min(...moments) - 1, Math.max(...moments));
};

/** Monday is 0, as in `weekdays`; the Unix epoch began on a Thursday. */
const weekdayOf = (localDay: number): (typeof weekdays)[number] | undefined => weekdays[(((localDay + 3) % 7) + 7) % 7];

const holds = (window: ScheduleWindow, now: Instant): boolean => {
  const zone = IANAZone.create(window.timezone);
  if (!zone.isValid) return false;
  const today = Math.floor((now + zone.offset(now) * minuteMs) / dayMs);
  const length = window.toMinute <= window.fromMinute ? dayMs : 0;
  // A window that began yesterday may still last.
  return [today, today - 1].some((day) => {
    const weekday = weekdayOf(day);
    if (weekday === undefined || !window.days.includes(weekday)) return false;
    const midnight = day * dayMs;
    const begins = momentOf(midnight + window.fromMinute * minuteMs, zone, 'begins');
    const ends = momentOf(midnight + length + window.toMinute * minuteMs, zone, 'ends');
    return begins <= now && now < ends;
  });
};

/** Floor and ceiling at `now`. Days and times are those of each window's own zone, across both switches of daylight saving time. */
export const scheduleAt = (windows: readonly ScheduleWindow[], now: Instant): ScheduleBounds => {
  let bounds = noBounds;
  for (const window of windows) if (holds(window, now)) bounds = { min: highest(bounds.min, window.min), max: lowest(bounds.max, window.max) };
  return bounds;
};
