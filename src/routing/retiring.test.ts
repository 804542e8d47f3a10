import test from 'ava';
import { instant, ManualClock, millis, seconds, workloadKey } from '../core/index.ts';
import { aPod } from '../../test/support/views.ts';
import type { PodView } from '../kube/index.ts';
import { Retiring } from './retiring.ts';

const web = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'web' });

const scene = (...first: PodView[]) => {
  const clock = new ManualClock(instant(0));
  let pods = first;
  let changes = 0;
  const retiring = new Retiring({ clock, limit: seconds(5), podsOf: () => pods, changed: () => (changes += 1) });
  return {
    clock,
    retiring,
    changes: () => changes,
    become: (...next: PodView[]) => {
      pods = next;
      retiring.look(web);
    },
    leaving: () => [...(retiring.of(web) ?? [])],
  };
};
const pod = (uid: string, more: Partial<PodView> = {}): PodView => aPod(uid, { uid, ...more });
const going = { deleting: true };

test('pods leave as was guessed', (t) => {
  const { retiring, become, leaving } = scene(pod('a'), pod('b'), pod('old', going));
  retiring.set(web, new Set(['b']));
  become(pod('a'), pod('b', going), pod('old', going));
  t.deepEqual(leaving(), ['b']);
  become(pod('a'));
  t.deepEqual(leaving(), ['b']);
});

test('when another pod goes instead, the guess is dropped at once', (t) => {
  const { retiring, become, leaving, changes } = scene(pod('a'), pod('b'));
  retiring.set(web, new Set(['b']));
  become(pod('a', going), pod('b'));
  t.deepEqual(leaving(), []);
  t.is(changes(), 2);
});

test('a pod that nobody takes serves again after a while, or when the guess is taken back', async (t) => {
  const { retiring, clock, leaving, changes } = scene(pod('a'), pod('b'));
  retiring.set(web, new Set(['b']));
  await clock.advance(millis(4999));
  retiring.set(web, new Set(['a']));
  await clock.advance(millis(4999));
  t.deepEqual(leaving(), ['a']);
  await clock.advance(millis(1));
  t.deepEqual(leaving(), []);
  retiring.set(web, new Set(['a']));
  retiring.set(web, new Set());
  t.deepEqual(leaving(), []);
  retiring.set(web, new Set());
  t.is(changes(), 5, 'nothing to take back is no change');
});
