import test from 'ava';
import fc from 'fast-check';
import { observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { instant, pods, weekdays, type ScheduleWindow, type Weekday } from '../core/index.ts';
import { decide, initialState } from './index.ts';
import { nextScheduleChange, scheduleAt } from './schedule.ts';

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

test(
  'a window of nearly a day that began yesterday holds in the evening, also where UTC has the next day already',
  during,
  window('22:00', '21:00', { days: monday, timezone: 'America/New_York' }),
  ['2026-01-07T01:30:00Z'],
  ['2026-01-07T02:00:00Z', '2026-01-08T01:30:00Z'],
);

test('of windows that overlap the highest floor and the lowest ceiling hold', (t) => {
  const noon = instant(Date.parse('2026-01-05T11:00:00Z'));
  const windows = [
    window('08:00', '18:00', { min: pods(2), max: pods(9) }),
    window('10:00', '14:00', { min: pods(5) }),
    window('11:00', '13:00', { min: pods(1), max: pods(7) }),
  ];
  t.deepEqual(scheduleAt(windows, noon), { min: pods(5), max: pods(7) });
  t.deepEqual(scheduleAt([...windows].reverse(), noon), { min: pods(5), max: pods(7) });
  t.deepEqual(scheduleAt([], noon), { min: undefined, max: undefined });
});

test('a zone that does not exist never holds', (t) => {
  t.false(holds(window('00:00', '00:00', { timezone: 'Mars/Olympus' }), '2026-01-05T12:00:00Z'));
});

test('where a floor of one window is above the ceiling of another both are told, and the ceiling wins', (t) => {
  const noon = instant(Date.parse('2026-01-05T11:00:00Z'));
  const windows = [window('08:00', '18:00', { min: pods(5) }), window('10:00', '14:00', { min: pods(1), max: pods(2) })];
  t.deepEqual(scheduleAt(windows, noon), { min: pods(5), max: pods(2) });
  const { decision } = decide(initialState({ policy: 'rouse' }, pods(1), start), observed({ ready: 1 }), specWith({ schedule: windows }), noon);
  t.is(decision.to, pods(2));
});

const next = (windows: readonly ScheduleWindow[], time: string): string => {
  const change = nextScheduleChange(windows, instant(Date.parse(time)));
  return change === undefined ? 'never' : `${new Date(change.at).toISOString().replace(':00.000Z', 'Z')} ${String(change.min)}..${String(change.max)}`;
};

test('the next change of a schedule: a beginning, an end, or what an overlap adds and takes', (t) => {
  const office = window('08:00', '18:00', { timezone: 'UTC', max: pods(9) });
  const lunch = window('12:00', '13:00', { timezone: 'UTC', min: pods(6) });
  const within = window('09:00', '10:00', { timezone: 'UTC', min: pods(2) });
  t.is(next([office], '2026-01-05T07:59:59Z'), '2026-01-05T08:00Z 3..9');
  t.is(next([office], '2026-01-05T08:00:00Z'), '2026-01-05T18:00Z undefined..undefined');
  t.is(next([office, lunch, within], '2026-01-05T08:00:00Z'), '2026-01-05T12:00Z 6..9', 'a lower floor within changes nothing');
  t.is(next([office, lunch, within], '2026-01-05T12:00:00Z'), '2026-01-05T13:00Z 3..9');
  const fewer = window('12:00', '13:00', { timezone: 'UTC', max: pods(4) });
  t.is(next([office, fewer], '2026-01-05T08:00:00Z'), '2026-01-05T12:00Z 3..4', 'a ceiling alone');
});

test('what holds is worked out once until the next change, or for a day, and anew where the clock was set back', (t) => {
  const time = (text: string) => instant(Date.parse(`2026-01-${text}Z`));
  const office = [window('08:00', '18:00', { timezone: 'UTC' })];
  const noon = scheduleAt(office, time('05T12:00:00'));
  t.is(scheduleAt(office, time('05T12:00:00')), noon);
  t.is(scheduleAt(office, time('05T17:59:59')), noon);
  t.deepEqual(scheduleAt(office, time('05T18:00:00')), { min: undefined, max: undefined });
  t.deepEqual(scheduleAt(office, time('05T17:00:00')), noon);
  t.deepEqual(scheduleAt(office, time('05T07:00:00')), { min: undefined, max: undefined });
  const always = [window('00:00', '00:00', { timezone: 'UTC' })];
  t.is(scheduleAt(always, time('05T12:00:00')), scheduleAt(always, time('06T11:59:59')));
  t.not(scheduleAt(always, time('05T12:00:00')), scheduleAt(always, time('06T12:00:00')));
});

test('the newest eight phases are kept for who looks ahead again and again, and those that ended three hours ago are not', (t) => {
  const time = (text: string) => instant(Date.parse(`2026-01-05T${text}:00Z`));
  const twice = (second: string) => [window('08:00', '09:00', { timezone: 'UTC' }), window(second, '13:00', { timezone: 'UTC' })];
  for (const [second, isKept] of [
    ['11:59', true],
    ['12:00', false],
  ] as const) {
    const windows = twice(second);
    const first = scheduleAt(windows, time('08:30'));
    scheduleAt(windows, time(second));
    t.is(scheduleAt(windows, time('08:30')) === first, isKept, second);
  }
  const often = [0, 1, 2, 3, 4].map((ten) => window(`08:${String(ten)}0`, `08:${String(ten)}5`, { timezone: 'UTC' }));
  const minutes = ['00', '05', '10', '15', '20', '25', '30', '35', '40'].map((minute) => time(`08:${minute}`));
  const phases = minutes.map((at) => scheduleAt(often, at));
  t.deepEqual(
    minutes.slice(1).map((at, index) => scheduleAt(often, at) === phases[index + 1]),
    new Array(8).fill(true),
  );
  t.not(scheduleAt(often, time('08:00')), phases[0]);
});

test('a schedule that always says the same never changes, and neither does none', (t) => {
  t.is(next([], '2026-01-05T12:00:00Z'), 'never');
  t.is(next([window('00:00', '24:00')], '2026-03-29T00:30:00Z'), 'never');
  t.is(next([window('00:00', '00:00', { timezone: 'Mars/Olympus' })], '2026-01-05T12:00:00Z'), 'never');
});

test('the next change keeps to the clock on the wall across both switches of daylight saving time', (t) => {
  const sunday: readonly Weekday[] = ['sun'];
  const early = window('02:30', '06:00');
  t.is(next([early], '2026-03-28T06:00:00Z'), '2026-03-29T01:00Z 3..undefined', 'a beginning that is skipped is the moment of the skip');
  t.is(next([early], '2026-03-29T01:00:00Z'), '2026-03-29T04:00Z undefined..undefined');
  t.is(next([early], '2026-10-24T06:00:00Z'), '2026-10-25T00:30Z 3..undefined', 'of two the first');
  t.is(next([early], '2026-10-25T00:30:00Z'), '2026-10-25T05:00Z undefined..undefined');
  t.is(next([window('02:15', '02:45', { days: sunday })], '2026-03-22T01:45:00Z'), '2026-04-05T00:15Z 3..undefined', 'skipped as a whole: the week after');
});

/** Weekday and minute on the wall, by the platform's own calendar. */
const wallOf = (zone: string, at: number): { readonly day: string; readonly minute: number } => {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: zone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(at);
  const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? '';
  return { day: part('weekday').toLowerCase(), minute: Number(part('hour')) * 60 + Number(part('minute')) };
};

const zones = ['UTC', 'Europe/Vienna', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Apia', 'America/St_Johns'];
const someWindows = fc.array(
  fc.record({
    days: fc.subarray([...weekdays], { minLength: 1 }),
    fromMinute: fc.integer({ min: 0, max: 1439 }),
    toMinute: fc.integer({ min: 0, max: 1440 }),
    timezone: fc.constantFrom(...zones),
    min: fc.integer({ min: 1, max: 5 }).map((count) => pods(count)),
  }),
  { minLength: 1, maxLength: 4 },
);
const year = Date.parse('2026-01-01T00:00:00Z');
const moments = fc.integer({ min: 0, max: 364 * 24 * 60 }).map((minute) => year + minute * 60_000);

test('away from a switch a window holds exactly while the wall shows its days and times', (t) => {
  fc.assert(
    fc.property(someWindows, moments, ([one], at) => {
      if (one === undefined) return;
      const around = [-26, -13, 0, 13, 26].map((hours) => offsetOf(one.timezone, at + hours * 3_600_000));
      fc.pre(new Set(around).size === 1);
      const { day, minute } = wallOf(one.timezone, at);
      const { day: before } = wallOf(one.timezone, at - 24 * 3_600_000);
      const on = (name: string): boolean => one.days.some((each) => each === name);
      const overnight = one.toMinute <= one.fromMinute;
      const expected = (on(day) && minute >= one.fromMinute && (overnight || minute < one.toMinute)) || (overnight && on(before) && minute < one.toMinute);
      t.is(scheduleAt([one], instant(at)).min !== undefined, expected);
    }),
  );
});

const offsetOf = (zone: string, at: number): number => {
  const { minute } = wallOf(zone, at);
  return (minute - Math.floor(at / 60_000)) % 1440;
};

test('nothing changes before the next change, and something does then; asked at any moment before, it is the same', (t) => {
  fc.assert(
    fc.property(someWindows, moments, fc.double({ min: 0, max: 0.999, noNaN: true }), (windows, at, share) => {
      const change = nextScheduleChange(windows, instant(at));
      const now = scheduleAt(windows, instant(at));
      const between = instant(at + Math.floor(((change?.at ?? at + 1e9) - at) * share));
      t.deepEqual(scheduleAt([...windows], between), now);
      t.deepEqual(nextScheduleChange([...windows], between), change);
      if (change === undefined) return;
      const { at: when, ...then } = change;
      t.deepEqual(scheduleAt([...windows], when), then);
      t.notDeepEqual(then, now);
    }),
  );
});
