import test from 'ava';
import fc from 'fast-check';
import { instant, ManualClock } from '../core/index.ts';
import { afterStep, createAuthority, rotationStep, splitBundle, type AuthorityKeys, type KeyedCertificate, type RotationStep } from './index.ts';

const hour = 3600 * 1000;
const day = 24 * hour;
const start = instant(Date.UTC(2026, 0, 1));

const made = (at: number, validDays = 300): Promise<KeyedCertificate> =>
  createAuthority({ commonName: 'rouse', clock: new ManualClock(instant(at)), validDays });
const only = (current: KeyedCertificate): AuthorityKeys => ({ current, next: undefined, trusted: [current.certificatePem] });
const at = (time: number): ManualClock => new ManualClock(instant(time));

test('an authority rests for two thirds of its life, and is then renewed in steps a day apart', async (t) => {
  const first = await made(start);
  let keys = only(first);
  t.is(rotationStep(keys, at(start + 199 * day)), 'rest');
  const due = start + 200 * day;
  t.is(rotationStep(keys, at(due)), 'prepare');
  keys = await afterStep(keys, 'prepare', () => made(due));
  t.deepEqual([keys.current, keys.trusted.length], [first, 2], 'the new one is known, and does not sign');
  t.is(rotationStep(keys, at(due + 23 * hour)), 'rest');
  t.is(rotationStep(keys, at(due + 24 * hour)), 'promote');
  keys = await afterStep(keys, 'promote', () => Promise.reject(new Error('nothing is to be made')));
  t.not(keys.current, first);
  t.deepEqual([keys.next, keys.trusted.length], [undefined, 2], 'what the old one signed is still believed');
  t.is(rotationStep(keys, at(due + 47 * hour)), 'rest');
  t.is(rotationStep(keys, at(due + 48 * hour)), 'prune');
  keys = await afterStep(keys, 'prune', () => Promise.reject(new Error('nothing is to be made')));
  t.deepEqual(keys.trusted, [keys.current.certificatePem]);
  t.is(rotationStep(keys, at(due + 49 * hour)), 'rest');
});

test('an authority that has run out is replaced at once: nobody believes it any more', async (t) => {
  const now = start + 301 * day;
  let keys = only(await made(start));
  t.is(rotationStep(keys, at(now)), 'prepare');
  keys = await afterStep(keys, 'prepare', () => made(now));
  t.is(rotationStep(keys, at(now)), 'promote');
});

test('whenever it is looked at, who has heard of the authorities a day ago believes what the present one signs', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 * 24 }), { minLength: 10, maxLength: 40 }), async (gaps) => {
      let now: number = start;
      let keys = only(await made(now, 90));
      // What was to be believed, since when.
      let known: { readonly at: number; readonly trusted: readonly string[] }[] = [{ at: now - 2 * day, trusted: keys.trusted }];
      for (const gap of gaps) {
        // Somebody looks once a day at least, as a controller does; a longer gap is one in which none ran.
        now += Math.min(gap, 24) * hour;
        const step: RotationStep = rotationStep(keys, at(now));
        const time = now;
        keys = await afterStep(keys, step, () => made(time, 90));
        known = [...known, { at: now, trusted: keys.trusted }];
        const heard = known.findLast((each) => each.at <= time - day);
        t.true(heard === undefined || heard.trusted.includes(keys.current.certificatePem));
        t.true(keys.trusted.includes(keys.current.certificatePem));
        t.true(keys.trusted.length <= 3);
      }
    }),
    { numRuns: 10 },
  );
});

test('a bundle is split into its certificates, whatever stands between them', async (t) => {
  const [one, two] = [await made(start), await made(start)];
  t.deepEqual(splitBundle(`# first\n${one.certificatePem}\r\n\n${two.certificatePem.trim()}`), [one.certificatePem, two.certificatePem]);
  t.deepEqual(splitBundle('nothing'), []);
});
