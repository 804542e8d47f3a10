import test from 'ava';
import { at, concurrencyOf, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { instant, pods, weekdays, type DecisionStep, type Observation, type ScaleSpec, type ScheduleWindow } from '../core/index.ts';
import { decide, initialState, nextBounds } from './index.ts';

const calm = initialState({ policy: 'rouse' }, pods(1), start);
const stepsOf = (seen: Observation, spec: ScaleSpec): readonly DecisionStep[] => decide(calm, seen, spec, at(0)).decision.evidence.steps;

const from8to18: ScheduleWindow = { days: weekdays, fromMinute: 480, toMinute: 1080, timezone: 'UTC', min: pods(3) };
const morning = instant(Date.parse('2026-01-05T07:00:00Z'));
const noon = instant(Date.parse('2026-01-05T12:00:00Z'));
const eight = instant(Date.parse('2026-01-05T08:00:00Z'));
const six = instant(Date.parse('2026-01-05T18:00:00Z'));

const allDay = (bounds: Pick<ScheduleWindow, 'min' | 'max'>): ScheduleWindow => ({ days: weekdays, fromMinute: 0, toMinute: 0, timezone: 'UTC', ...bounds });

test('each bound that moves the count is a step of its own, with the bound', (t) => {
  const idle = observed({ ready: 1, metrics: [concurrencyOf(50)] });
  t.deepEqual(stepsOf(idle, specWith({ min: pods(2) })), [{ step: 'min-scale', from: 1, to: 2, limit: 2 }]);
  t.deepEqual(stepsOf(idle, specWith({ min: pods(2), schedule: [allDay({ min: pods(4) })] })), [
    { step: 'min-scale', from: 1, to: 2, limit: 2 },
    { step: 'schedule', from: 2, to: 4, limit: 4 },
  ]);
  t.deepEqual(stepsOf(observed({ ready: 0, starting: 1, wasReady: false, metrics: [concurrencyOf(50)] }), specWith({ initial: pods(3) })), [
    { step: 'initial-scale', from: 1, to: 3, limit: 3 },
  ]);
  const busy = observed({ ready: 9, metrics: [concurrencyOf(620)] });
  t.deepEqual(stepsOf(busy, specWith({ max: pods(5), schedule: [allDay({ max: pods(7) })] })), [
    { step: 'schedule', from: 9, to: 7, limit: 7 },
    { step: 'max-scale', from: 7, to: 5, limit: 5 },
  ]);
});

test('what nobody can reach has no floor and no initial scale', (t) => {
  const apart = { ready: 1, metrics: [concurrencyOf(50)] };
  const floors = specWith({ min: pods(3), initial: pods(5), schedule: [allDay({ min: pods(4) })] });
  t.deepEqual(stepsOf(observed({ ...apart, wasReady: false, reachable: false }), floors), []);
  t.deepEqual(
    stepsOf(observed({ ...apart, wasReady: false, reachable: true }), floors).map(({ step }) => step),
    ['initial-scale'],
  );
  t.deepEqual(
    stepsOf(observed({ ...apart, reachable: true }), floors).map(({ step }) => step),
    ['min-scale', 'schedule'],
  );
});

test('the bounds of tomorrow: those of the schedule with min-scale and max-scale, the ceiling over the floor', (t) => {
  const next = (scaling: Parameters<typeof specWith>[0], now = morning) => nextBounds(specWith(scaling), now);
  t.is(next({}), undefined);
  t.deepEqual(next({ schedule: [from8to18] }), { at: eight, min: 3 });
  t.deepEqual(next({ schedule: [from8to18], min: pods(5) }), { at: eight, min: 5 });
  t.deepEqual(next({ schedule: [from8to18], max: pods(9) }), { at: eight, min: 3, max: 9 });
  t.deepEqual(next({ schedule: [from8to18], max: pods(2) }), { at: eight, min: 2, max: 2 });
  t.deepEqual(next({ schedule: [{ ...from8to18, max: pods(7) }] }), { at: eight, min: 3, max: 7 });
  t.deepEqual(next({ schedule: [{ ...from8to18, max: pods(7) }], max: pods(6) }), { at: eight, min: 3, max: 6 });
  t.deepEqual(next({ schedule: [from8to18], min: pods(1), max: pods(9) }, noon), { at: six, min: 1, max: 9 });
  t.deepEqual(next({ schedule: [from8to18] }, noon), { at: six, min: 0 });
});
