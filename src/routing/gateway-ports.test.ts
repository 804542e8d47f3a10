import test from 'ava';
import fc from 'fast-check';
import { annotation, printGatewayPorts } from '../core/index.ts';
import type { ServiceView } from '../kube/index.ts';
import { aService } from '../../test/support/views.ts';
import { gatewayPortsOf, PortBook, PortUsers, rangeAllotter, type PortBookOptions } from './gateway-ports.ts';

const range = { first: 20000, last: 20009 };
const withPorts = (name: string, ports: readonly number[], annotations: Record<string, string> = {}): ServiceView =>
  aService(name, { annotations, ports: ports.map((port) => ({ name: `p${port}`, port, protocol: 'TCP', targetPort: port, appProtocol: undefined })) });
const usersOf = (services: Iterable<ServiceView>): PortUsers => {
  const users = new PortUsers();
  for (const service of services) users.set(`default/${service.name}`, service);
  return users;
};
const bookOf = (services: readonly ServiceView[], more: Partial<PortBookOptions> = {}): PortBook =>
  new PortBook({
    allotter: rangeAllotter(range),
    users: usersOf(services),
    holds: () => true,
    reserved: () => [],
    unusable: () => new Set(),
    ...more,
  });
const complete = async (book: PortBook, service: ServiceView): Promise<unknown> => {
  const ports = await book.complete(`default/${service.name}`, service);
  return ports === undefined ? undefined : [...ports];
};

test('each Service port gets a port of its own, and keeps it', async (t) => {
  const web = withPorts('web', [80, 443], { [annotation.gatewayPorts]: '80=20005' });
  t.deepEqual(await complete(bookOf([web]), web), [
    [80, 20005],
    [443, 20000],
  ]);
});
test('ports of others, ports still open and ports that cannot be opened are not given', async (t) => {
  const other = withPorts('other', [80], { [annotation.gatewayPorts]: '80=20000' });
  const web = withPorts('web', [80]);
  t.deepEqual(await complete(bookOf([other, web], { reserved: () => [20001], unusable: () => new Set([20002]) }), web), [[80, 20003]]);
});
test('a port that no gateway can open is given up', async (t) => {
  const web = withPorts('web', [80], { [annotation.gatewayPorts]: '80=20000' });
  t.deepEqual(await complete(bookOf([web], { unusable: () => new Set([20000]) }), web), [[80, 20001]]);
});
test('an annotation that was copied from another Service is replaced', async (t) => {
  const web = withPorts('web', [80], { [annotation.gatewayPorts]: '80=20000' });
  const copy = withPorts('copy', [80], { [annotation.gatewayPorts]: '80=20000' });
  t.deepEqual(await complete(bookOf([web, copy], { holds: (service) => service !== 'default/copy' }), copy), [[80, 20001]]);
});
test('ports of Service ports that are gone are given back', async (t) => {
  const web = withPorts('web', [443], { [annotation.gatewayPorts]: '80=20000,443=20001' });
  t.deepEqual(await complete(bookOf([web]), web), [[443, 20001]]);
});
test('an annotation that cannot be read counts as none', async (t) => {
  const web = withPorts('web', [80], { [annotation.gatewayPorts]: 'nonsense' });
  t.is(gatewayPortsOf(web).size, 0);
  t.deepEqual(await complete(bookOf([web]), web), [[80, 20000]]);
});
test('a port outside the range is not opened, whoever wrote it', async (t) => {
  const web = withPorts('web', [80, 81], { [annotation.gatewayPorts]: '80=9443,81=30000' });
  t.is(gatewayPortsOf(web).size, 0);
  t.deepEqual(await complete(bookOf([web]), web), [
    [80, 20000],
    [81, 20001],
  ]);
});
test('with nothing left there is no answer, and no half of one', async (t) => {
  const many = withPorts(
    'many',
    Array.from({ length: 11 }, (_, at) => at + 1),
  );
  t.is(await complete(bookOf([many]), many), undefined);
});
test('a port that was given back is used again last', async (t) => {
  const allotter = rangeAllotter(range);
  const given = [];
  for (let at = 0; at < 11; at += 1) given.push(await allotter.allot(new Set()));
  t.deepEqual(given, [20000, 20001, 20002, 20003, 20004, 20005, 20006, 20007, 20008, 20009, 20000]);
});

test('law: whoever asks, in whatever order, no two Services have one port, though the snapshot lags behind', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat({ max: 5 }), fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 2, minLength: 1 }), fc.boolean()), { maxLength: 20 }),
      async (asks) => {
        const services = new Map<string, ServiceView>();
        const users = new PortUsers();
        const book = bookOf([], { allotter: rangeAllotter({ first: 20000, last: 20099 }), users });
        const given = new Map<string, readonly number[]>();
        await Promise.all(
          asks.map(async ([id, ports, seen]) => {
            const name = `s${id}`;
            const service = withPorts(name, ports, services.get(name)?.annotations ?? {});
            const result = await book.complete(`default/${name}`, service);
            given.set(name, [...(result?.values() ?? [])]);
            if (!seen || result === undefined) return;
            services.set(name, withPorts(name, ports, { [annotation.gatewayPorts]: printGatewayPorts(result) }));
            users.set(`default/${name}`, withPorts(name, ports, { [annotation.gatewayPorts]: printGatewayPorts(result) }));
          }),
        );
        const all = [...given.values()].flat();
        t.is(new Set(all).size, all.length);
      },
    ),
    { numRuns: 100 },
  );
});
