import { IANAZone } from 'luxon';
import { instant, weekdays, type Instant, type Pods, type ScheduleWindow } from '../core/index.ts';

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
 * skip; one that they show twice is the first (`Math.min`) for a beginning and the second for an end, so that no window ends and begins again.
 */
const momentOf = (wall: number, zone: IANAZone, choose: (...moments: readonly number[]) => number): number => {
  const before = zone.offset(wall - dayMs);
  const later = zone.offset(wall + dayMs);
  const candidates = [...new Set([before, later])].map((offset) => ({ at: wall - offset * minuteMs, offset }));
  const shown = candidates.filter(({ at, offset }) => zone.offset(at) === offset).map(({ at }) => at);
  if (shown.length > 0) return choose(...shown);
  const moments = candidates.map(({ at }) => at);
  return changeBetween(zone, Math.min(...moments), Math.max(...moments));
};

/** Monday is 0, as in `weekdays`; the Unix epoch began on a Thursday. */
const weekdayOf = (localDay: number): (typeof weekdays)[number] | undefined => weekdays[(((localDay + 3) % 7) + 7) % 7];

/** A window that began yesterday may still last. */
const yesterday = -1;
/** Days looked ahead: first the near ones, which nearly always have a change, then two weeks: a weekly window may be skipped by the clocks once. */
const horizons = [2, 15] as const;

interface Span {
  readonly window: ScheduleWindow;
  readonly begins: number;
  readonly ends: number;
}

/** When the window holds, of those of its days that begin from yesterday until `days` from now. */
const spansOf = (window: ScheduleWindow, now: Instant, days: number): readonly Span[] => {
  const zone = IANAZone.create(window.timezone);
  if (!zone.isValid) return [];
  const today = Math.floor((now + zone.offset(now) * minuteMs) / dayMs);
  const length = window.toMinute <= window.fromMinute ? dayMs : 0;
  const spans: Span[] = [];
  for (let day = today + yesterday; day <= today + days; day++) {
    const weekday = weekdayOf(day);
    if (weekday === undefined || !window.days.includes(weekday)) continue;
    const midnight = day * dayMs;
    const begins = momentOf(midnight + window.fromMinute * minuteMs, zone, Math.min);
    const ends = momentOf(midnight + length + window.toMinute * minuteMs, zone, Math.max);
    spans.push({ window, begins, ends });
  }
  return spans;
};

const boundsAt = (spans: readonly Span[], at: number): ScheduleBounds => {
  let bounds = noBounds;
  for (const { window, begins, ends } of spans)
    if (begins <= at && at < ends) bounds = { min: highest(bounds.min, window.min), max: lowest(bounds.max, window.max) };
  return bounds;
};

/** The next moment from which the schedule says something else, and what. */
export interface ScheduleChange extends ScheduleBounds {
  readonly at: Instant;
}

interface Phase {
  readonly from: Instant;
  readonly until: Instant;
  readonly bounds: ScheduleBounds;
  readonly next: ScheduleChange | undefined;
}

const phaseAt = (windows: readonly ScheduleWindow[], now: Instant): Phase => {
  let bounds = noBounds;
  for (const days of horizons) {
    const spans = windows.flatMap((window) => spansOf(window, now, days));
    bounds = boundsAt(spans, now);
    const end = now + (days - 1) * dayMs;
    const moments = spans.flatMap(({ begins, ends }) => [begins, ends]).filter((at) => at > now && at <= end);
    for (const at of [...new Set(moments)].sort((a, b) => a - b)) {
      const then = boundsAt(spans, at);
      if (then.min !== bounds.min || then.max !== bounds.max) return { from: now, until: instant(at), bounds, next: { at: instant(at), ...then } };
    }
  }
  return { from: now, until: instant(now + dayMs), bounds, next: undefined };
};

/**
 * The newest phases by schedule: what holds now holds until the next change, and calendars are slow to ask. More than one, for who looks ahead again and again
 * from the same moment; what ended hours ago goes.
 */
const phases = new WeakMap<readonly ScheduleWindow[], readonly Phase[]>();
const mostPhases = 8;
const keptFor = 3 * 60 * minuteMs;

const phaseOf = (windows: readonly ScheduleWindow[], now: Instant): Phase => {
  const all = phases.get(windows);
  const known = all?.find(({ from, until }) => from <= now && now < until);
  if (known !== undefined) return known;
  const phase = phaseAt(windows, now);
  phases.set(windows, [phase, ...(all ?? []).filter(({ until }) => until > now - keptFor).slice(0, mostPhases - 1)]);
  return phase;
};

/** Floor and ceiling at `now`. Days and times are those of each window's own zone, across both switches of daylight saving time. */
export const scheduleAt = (windows: readonly ScheduleWindow[], now: Instant): ScheduleBounds =>
  windows.length === 0 ? noBounds : phaseOf(windows, now).bounds;

/** When floor or ceiling change next, and to what; undefined if they do not within two weeks, which is never. */
export const nextScheduleChange = (windows: readonly ScheduleWindow[], now: Instant): ScheduleChange | undefined =>
  windows.length === 0 ? undefined : phaseOf(windows, now).next;
