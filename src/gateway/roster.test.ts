import test from 'ava';
import fc from 'fast-check';
import { Roster, type Member } from './roster.ts';

const steps = fc.array(fc.record({ does: fc.constantFrom('add', 'remove', 'visit'), which: fc.nat(7) }), { maxLength: 60 });

test('a roster has each member once, whatever comes and goes, and loses none while it is visited', (t) => {
  fc.assert(
    fc.property(steps, fc.func(fc.boolean()), (taken, goes) => {
      const members: Member[] = Array.from({ length: 8 }, () => ({ place: -1 }));
      const roster = new Roster<Member>();
      const model = new Set<Member>();
      for (const [index, { does, which }] of taken.entries()) {
        const member = members[which];
        if (member === undefined) continue;
        if (does === 'add') {
          roster.add(member);
          model.add(member);
        } else if (does === 'remove') {
          roster.remove(member);
          model.delete(member);
        } else {
          const seen = new Set<Member>();
          const before = new Set(model);
          roster.forEach((visited) => {
            seen.add(visited);
            if (!goes(index, members.indexOf(visited))) return;
            roster.remove(visited);
            model.delete(visited);
          });
          t.true(seen.size === before.size && [...seen].every((one) => before.has(one)));
        }
        t.is(roster.size, model.size);
        t.true(members.every((one) => model.has(one) === one.place >= 0));
      }
    }),
  );
});

test('a member that another one removes while both are visited is not visited after that', (t) => {
  const members: Member[] = Array.from({ length: 3 }, () => ({ place: -1 }));
  const roster = new Roster<Member>();
  for (const member of members) roster.add(member);
  const seen: number[] = [];
  roster.forEach((member) => {
    seen.push(members.indexOf(member));
    for (const other of members) if (other !== member) roster.remove(other);
  });
  t.is(roster.size, 1);
  t.deepEqual([...new Set(seen)], [2]);
});
