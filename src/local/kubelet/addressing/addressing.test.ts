import { createServer } from 'node:net';
import test from 'ava';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { seededRandom, systemClock } from '../../../core/index.ts';
import { LoopbackAddressing } from './loopback.ts';
import { NetworkNamespaceAddressing } from './network-namespace.ts';

const podOf = (...containers: readonly (readonly [name: string, port: number][])[]): Pod => ({
  spec: { containers: containers.map((ports, index) => ({ name: `c${index}`, ports: ports.map(([name, containerPort]) => ({ name, containerPort })) })) },
});

test('on loopback each declared port gets a free one; PORT is the first, and each name has its variable', async (t) => {
  const addressing = new LoopbackAddressing(systemClock, seededRandom(7));
  t.teardown(() => addressing.close());
  const allotted = await addressing.allot(
    podOf(
      [
        ['http', 8080],
        ['http-admin', 9090],
      ],
      [['metrics', 9100]],
    ),
  );
  t.is(allotted.podIP, '127.0.0.1');
  t.deepEqual([...(allotted.ports?.keys() ?? [])], ['8080', '9090', '9100']);
  const port = (number: string): string => String(allotted.ports?.get(number));
  t.deepEqual(allotted.environment(0), { PORT: port('8080'), PORT_HTTP: port('8080'), PORT_HTTP_ADMIN: port('9090'), HOST: '127.0.0.1', POD_IP: '127.0.0.1' });
  t.like(allotted.environment(1), { PORT: port('9100'), PORT_METRICS: port('9100') });
});

test('a pod that declares nothing gets one port under *, for its first container', async (t) => {
  const addressing = new LoopbackAddressing(systemClock, seededRandom(8));
  t.teardown(() => addressing.close());
  const allotted = await addressing.allot(podOf([], []));
  t.deepEqual([...(allotted.ports?.keys() ?? [])], ['*']);
  t.is(allotted.environment(0)['PORT'], String(allotted.ports?.get('*')));
  t.is(allotted.environment(1)['PORT'], undefined);
});

// Fixed ports lie outside the range in which the kubelets of other test files begin somewhere.
test('two kubelets of one machine never hand out the same port, and a taken one is passed over', async (t) => {
  const range = { first: 7_100, last: 7_119 };
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(7_103, '127.0.0.1', resolve));
  const kubelets = [new LoopbackAddressing(systemClock, () => 0, range), new LoopbackAddressing(systemClock, () => 0, range)];
  t.teardown(() => {
    for (const kubelet of kubelets) kubelet.close();
    taken.close();
  });
  const ports = (await Promise.all(kubelets.flatMap((kubelet) => [1, 2, 3].map(() => kubelet.allot(podOf([['http', 80]])))))).map(({ ports: map }) =>
    map?.get('80'),
  );
  t.is(new Set(ports).size, 6);
  t.false(ports.includes(7_103));
});

test('when every port is taken, allotting fails with a reason, and works again after a release', async (t) => {
  const addressing = new LoopbackAddressing(systemClock, () => 0, { first: 7_120, last: 7_121 });
  t.teardown(() => addressing.close());
  const first = await addressing.allot(podOf([['a', 1]]));
  await addressing.allot(podOf([['a', 1]]));
  await t.throwsAsync(addressing.allot(podOf([['a', 1]])), { message: /no free port is left.*7120–7121/ });
  first.release();
  t.is((await addressing.allot(podOf([['a', 1]]))).ports?.get('1'), first.ports?.get('1'));
});

test('in a network namespace each pod has an address of its own and its container ports', async (t) => {
  const addressing = new NetworkNamespaceAddressing();
  t.is(addressing.hostIP, '10.77.0.1');
  const [one, other] = [await addressing.allot(podOf([['http', 3000]])), await addressing.allot(podOf([]))];
  t.is(one.podIP, '10.77.0.2');
  t.is(one.ports, undefined);
  t.deepEqual(one.environment(0), { PORT: '3000', PORT_HTTP: '3000', HOST: '10.77.0.2', POD_IP: '10.77.0.2' });
  t.is(other.environment(0)['PORT'], '8080');
  one.release();
  t.is((await addressing.allot(podOf([]))).podIP, '10.77.0.4', 'an address comes again as late as possible');
});

test('an address that is released twice is not taken from the pod that has it by then', async (t) => {
  const addressing = new NetworkNamespaceAddressing(0, 16_000);
  const [first] = [await addressing.allot(podOf([])), await addressing.allot(podOf([])), await addressing.allot(podOf([]))];
  first.release();
  t.is((await addressing.allot(podOf([]))).podIP, first.podIP);
  first.release();
  await t.throwsAsync(addressing.allot(podOf([])), { message: /no free address/ });
});

test('kubelets that share the network hand out different addresses, all of them legal', async (t) => {
  const seen = new Set<string>();
  for (const share of [0, 1, 2]) {
    const addressing = new NetworkNamespaceAddressing(share, 3);
    seen.add(addressing.hostIP);
    for (let pod = 0; pod < 600; pod += 1) seen.add((await addressing.allot(podOf([]))).podIP);
  }
  t.is(seen.size, 3 * 601);
  t.true([...seen].every((address) => /^10\.77\.\d{1,3}\.\d{1,3}$/.test(address) && address.split('.').every((part) => Number(part) <= 254)));
});
