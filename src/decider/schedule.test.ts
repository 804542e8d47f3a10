import test from 'ava';
import { instant, pods, weekdays, type ScheduleWindow, type Weekday } from '../core/index.ts';
import { scheduleAt } from './schedule.ts';

const minutes = (clock: string): number => {
  const [hour = Number.NaN, minute = Number.NaN] = clock.split(':').map(Number);
  return hour * 60 + minute;
};
const window = (from: string, to: string, more: Partial<ScheduleWindow> = {}): ScheduleWindow => ({
  days: weekdays,
  fromMinute: minutes(from),
  toMinute: minutes(to),
  timezone: 'Europe/Vienna',
  min: pods(3),
  ...more,
});
const holds = (schedule: ScheduleWindow, time: string): boolean => scheduleAt([schedule], instant(Date.parse(time))).min !== undefined;

const during = test.macro((t, schedule: ScheduleWindow, inside: readonly string[], outside: readonly string[]) => {
  for (const time of inside) t.true(holds(schedule, time), time);
  for (const time of outside) t.false(holds(schedule, time), time);
});

const monday: readonly Weekday[] = ['mon'];

test(
  'a window holds from its first minute until before its last, in its own time zone',
  during,
  window('08:00', '18:00'),
  ['2026-01-05T07:00:00Z', '2026-01-05T16:59:59Z'],
  ['2026-01-05T06:59:59Z', '2026-01-05T17:00:00Z'],
);
test(
  'a window holds on its days only',
  during,
  window('08:00', '18:00', { days: monday }),
  ['2026-01-05T12:00:00Z'],
  ['2026-01-06T12:00:00Z', '2026-01-04T12:00:00Z'],
);
test(
  'the day is that of the zone, not of UTC',
  during,
  window('00:00', '02:00', { days: monday, timezone: 'Asia/Tokyo' }),
  ['2026-01-04T15:30:00Z'],
  ['2026-01-05T15:30:00Z'],
);
test(
  'a window over midnight belongs to the day on which it begins',
  during,
  window('22:00', '06:00', { days: monday }),
  ['2026-01-05T21:30:00Z', '2026-01-06T04:59:00Z'],
  ['2026-01-05T04:00:00Z', '2026-01-06T05:00:00Z', '2026-01-06T21:30:00Z'],
);
test(
  'a window from midnight to midnight is the whole day',
  during,
  window('00:00', '00:00', { days: monday, timezone: 'UTC' }),
  ['2026-01-05T00:00:00Z', '2026-01-05T23:59:59Z'],
  ['2026-01-04T23:59:59Z', '2026-01-06T00:00:00Z'],
);

// Vienna: clocks go from 02:00 to 03:00 on 2026-03-29 (01:00Z) and from 03:00 back to 02:00 on 2026-10-25 (01:00Z).
test(
  'a window in the hours around the switch to summer time keeps to the clock on the wall',
  during,
  window('01:30', '03:30'),
  ['2026-03-29T00:30:00Z', '2026-03-29T01:29:59Z'],
  ['2026-03-29T00:29:59Z', '2026-03-29T01:30:00Z'],
);
test(
  'a beginning that the clocks skip is the moment of the skip',
  during,
  window('02:30', '04:00'),
  ['2026-03-29T01:00:00Z', '2026-03-29T01:59:59Z'],
  ['2026-03-29T00:59:59Z', '2026-03-29T02:00:00Z'],
);
test(
  'an end that the clocks skip is the moment of the skip',
  during,
  window('01:00', '02:30'),
  ['2026-03-29T00:00:00Z', '2026-03-29T00:59:59Z'],
  ['2026-03-29T01:00:00Z'],
);
test(
  'a window that the clocks skip as a whole does not happen',
  during,
  window('02:15', '02:45'),
  ['2026-03-28T01:30:00Z', '2026-03-30T00:30:00Z'],
  ['2026-03-29T00:59:59Z', '2026-03-29T01:00:00Z', '2026-03-29T01:30:00Z'],
);
test(
  'an hour that the clocks show twice is in the window both times, without a break',
  during,
  window('02:00', '02:30'),
  ['2026-10-25T00:00:00Z', '2026-10-25T00:45:00Z', '2026-10-25T01:29:59Z'],
  ['2026-10-24T23:59:59Z', '2026-10-25T01:30:00Z'],
);
test(
  'a window over the switch to winter time lasts the hour longer',
  during,
  window('22:00', '06:00'),
  ['2026-10-24T20:00:00Z', '2026-10-25T04:59:59Z'],
  ['2026-10-25T05:00:00Z'],
);
test(
  'where the clocks switch by half an hour it holds too',
  during,
  window('01:45', '03:00', { timezone: 'Australia/Lord_Howe' }),
  ['2026-10-03T15:30:00Z'],
  ['2026-10-03T15:00:00Z'],
);

test('of windows that overlap the highest floor and the lowest ceiling hold', (t) => {
  const noon = instant(Date.parse('2026-01-05T11:00:00Z'));
  const windows = [
    window('08:00', '18:00', { min: pods(2), max: pods(9) }),
    window('10:00', '14:00', { min: pods(5) }),
    window('11:00', '13:00', { min: pods(1), max: pods(7) }),
  ];
  t.deepEqual(scheduleAt(windows, noon), { min: pods(5), max: pods(7) });
  t.deepEqual(scheduleAt([], noon), { min: undefined, max: undefined });
});

test('a zone that does not exist never holds', (t) => {
  t.false(holds(window('00:00', '00:00', { timezone: 'Mars/Olympus' }), '2026-01-05T12:00:00Z'));
});
