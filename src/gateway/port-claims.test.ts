import test from 'ava';
import fc from 'fast-check';
import { workloadKey, type ListenerRoute, type WorkloadKey } from '../core/index.ts';
import { PortClaims } from './port-claims.ts';

const key = (name: string): WorkloadKey => workloadKey({ resource: 'deployments.apps', namespace: 'default', name });
const listener = (port: number): ListenerRoute => ({ address: undefined, port, protocol: 'http1', target: 'http' });
const gate = (name: string, ...ports: readonly number[]) => ({ key: key(name), route: { listeners: ports.map(listener) } });

test('the first to claim a port has it, through its own changes too, and the next when it lets go', (t) => {
  const claims = new PortClaims<ReturnType<typeof gate>>();
  claims.set(gate('a', 1, 2));
  claims.set(gate('b', 2));
  t.is(claims.of('* 2')?.gate.key, key('a'));
  t.deepEqual(claims.conflicts(), [{ workload: key('b'), port: 2, message: 'port 2 is given to default/a already' }]);
  claims.set(gate('a', 2));
  t.is(claims.of('* 2')?.gate.key, key('a'));
  t.is(claims.of('* 1'), undefined);
  t.deepEqual([...claims.set(gate('a', 3))].sort(), ['* 2', '* 3']); // prettier-ignore
  t.is(claims.of('* 2')?.gate.key, key('b'));
  t.deepEqual(claims.conflicts(), []);
});

test('a workload that claims a port twice is told so', (t) => {
  const claims = new PortClaims<ReturnType<typeof gate>>();
  claims.set(gate('a', 1, 1));
  t.deepEqual(
    claims.conflicts('* 1').map(({ workload }) => workload),
    [key('a')],
  );
});

test('after any changes: a port is had by one that claims it, those that come too late are told of, and what nobody claims nobody has', (t) => {
  const change = fc.record({ who: fc.constantFrom('a', 'b', 'c'), ports: fc.option(fc.uniqueArray(fc.integer({ min: 1, max: 4 }))) });
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const claims = new PortClaims<ReturnType<typeof gate>>();
      const now = new Map<string, readonly number[]>();
      for (const { who, ports } of changes) {
        if (ports === null) claims.delete(key(who));
        else claims.set(gate(who, ...ports));
        now.set(who, ports ?? []);
      }
      return [1, 2, 3, 4].every((port) => {
        const claimants = [...now].filter(([, ports]) => ports.includes(port)).map(([who]) => key(who));
        const owner = claims.of(`* ${port}`)?.gate.key;
        const late = claims.conflicts(`* ${port}`).map(({ workload }) => workload);
        return claimants.length === 0 ? owner === undefined : claimants.sort().join() === [owner, ...late].sort().join();
      });
    }),
  );
  t.pass();
});
