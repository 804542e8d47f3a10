import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { seconds, systemClock, silentLogger, type Clock, type Logger, type RouteSnapshot } from '../core/index.ts';
import { followRoutesFile } from './index.ts';
import { until } from '../../test/support/gateway-rig.ts';
import { readRoutes } from './routes-file.ts';

const example = {
  workloads: [
    {
      name: 'default/app',
      listeners: [{ address: '127.0.0.1', port: 9500, protocol: 'http1' }],
      hosts: [],
      endpoints: [{ address: '127.0.0.1', port: 9100 }],
      containerConcurrency: 0,
      holdQueueDepth: 1000,
      holdTimeout: '60s',
      requestTimeout: '0s',
      responseStartTimeout: '300s',
      idleTimeout: '0s',
    },
  ],
};

test('the documented example is read whole', (t) => {
  const routes = readRoutes(example, 7);
  t.true(routes.ok);
  if (!routes.ok) return;
  t.like(routes.value, { revision: 7, full: true, remove: [] });
  t.like(routes.value.upsert[0], {
    workload: 'default/app',
    listeners: [{ address: '127.0.0.1', port: 9500, protocol: 'http1', target: 'endpoint' }],
    containerConcurrency: undefined,
    holdTimeoutMs: 60_000,
    responseStartTimeoutMs: 300_000,
    requestTimeoutMs: 0,
  });
  t.like(routes.value.upsert[0]?.pods[0], {
    id: '127.0.0.1:9100',
    address: '127.0.0.1',
    ports: { endpoint: 9100 },
    state: 'ready',
    probe: { kind: 'tcp', port: 9100 },
  });
});

test('a name and a port are enough, and the rest has the defaults of the annotations', (t) => {
  const routes = readRoutes({ workloads: [{ name: 'a/b', listeners: [{ port: 80 }] }] }, 1);
  t.true(routes.ok);
  if (routes.ok)
    t.like(routes.value.upsert[0], { listeners: [{ address: undefined, port: 80, protocol: 'http1' }], pods: [], holdQueueDepth: 1000, holdTimeoutMs: 60_000 });
});

const refused = test.macro({
  exec: (t: ExecutionContext, document: unknown, ...parts: readonly string[]) => {
    const routes = readRoutes(document, 1);
    t.false(routes.ok);
    if (!routes.ok)
      for (const part of parts)
        t.true(
          routes.problem.some((problem) => problem.includes(part)),
          `${part} in ${routes.problem.join(' | ')}`,
        );
  },
  title: (_given, document: unknown, ..._parts: readonly string[]) => `refused with a sentence: ${JSON.stringify({ document }).slice(12, 110)}`,
});
const withListener = { name: 'a/b', listeners: [{ port: 80 }] };
test(refused, undefined, 'routes: want an object');
test(refused, [], 'want an object');
test(refused, {}, 'routes.workloads: missing');
test(refused, { workloads: [], more: 1 }, 'routes.more: unknown field');
test(refused, { workloads: [{ ...withListener, holdTimeut: '1s' }] }, 'routes.workloads[0].holdTimeut: unknown field', 'holdTimeout');
test(refused, { workloads: [{ ...withListener, name: 'app' }] }, 'workloads[0].name: want namespace/name', '"app"');
test(refused, { workloads: [{ name: 'a/b' }] }, 'neither listeners nor hosts');
test(refused, { workloads: [{ ...withListener, holdTimeout: 60 }] }, 'holdTimeout: want a duration');
test(refused, { workloads: [{ ...withListener, holdTimeout: '-1s' }] }, 'holdTimeout: want a duration');
test(refused, { workloads: [{ ...withListener, containerConcurrency: 1.5 }] }, 'containerConcurrency: want a whole number');
test(
  refused,
  { workloads: [{ name: 'a/b', listeners: [{ port: 70_000 }, { port: 1, protocol: 'udp' }] }] },
  'listeners[0].port',
  'listeners[1].protocol: want one of http1, h2c, grpc, tcp',
);
test(refused, { workloads: [{ ...withListener, endpoints: [{ address: '1.2.3.4' }] }] }, 'endpoints[0].port');
test(refused, { workloads: [{ ...withListener, endpoints: [{ address: 'no host', port: 1 }] }] }, 'endpoints[0].address: want an IP address');
test(refused, { workloads: [withListener, { ...withListener, name: 'a/c' }] }, 'listener *:80 is given twice: to a/b and to a/c');
test(refused, { workloads: [withListener, { name: 'a/b', hosts: ['x'] }] }, 'name a/b is given twice');

const follow = async (t: ExecutionContext, text: string) => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-routes-'));
  const path = join(directory, 'routes.yaml');
  await writeFile(path, text);
  const applied: RouteSnapshot[] = [];
  const valid: boolean[] = [];
  const errors: unknown[] = [];
  const logger: Logger = { ...silentLogger, error: (_message, fields) => errors.push(fields?.error) };
  const stopping = new AbortController();
  const gateway = {
    apply: (snapshot: RouteSnapshot) => {
      applied.push(snapshot);
      return Promise.resolve([]);
    },
    routesValid: (is: boolean) => valid.push(is),
  };
  const followed = await followRoutesFile({ path, gateway, clock: systemClock, logger }, stopping.signal);
  t.teardown(async () => {
    stopping.abort();
    await followed.ended;
    await rm(directory, { recursive: true });
  });
  return { path, directory, applied, valid, errors };
};
const yaml = (port: number): string => `workloads:\n- name: default/app\n  listeners: [{port: ${port}}]\n`;
const portsOf = (applied: readonly RouteSnapshot[]): readonly (number | undefined)[] => applied.map(({ upsert }) => upsert[0]?.listeners[0]?.port);

test('a file that is written over, or replaced by renaming, is read anew', async (t) => {
  const { path, directory, applied } = await follow(t, yaml(1001));
  await writeFile(path, yaml(1002));
  await until('written over', () => applied.length === 2);
  await writeFile(join(directory, 'new'), JSON.stringify({ workloads: [{ name: 'default/app', listeners: [{ port: 1003 }] }] }));
  await rename(join(directory, 'new'), path);
  await until('replaced', () => applied.length === 3);
  t.deepEqual(portsOf(applied), [1001, 1002, 1003]);
  t.deepEqual(
    applied.map(({ revision }) => revision),
    [1, 2, 3],
  );
});

test('a file that changes while its last version is being applied is read again at once, not at the next look', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-routes-'));
  const path = join(directory, 'routes.yaml');
  await writeFile(path, yaml(1001));
  const applied: RouteSnapshot[] = [];
  const gateway = {
    apply: async (snapshot: RouteSnapshot) => {
      applied.push(snapshot);
      if (applied.length !== 2) return [];
      await writeFile(path, yaml(1003));
      // Nobody but the watcher knows; it has said so by then.
      await setTimeout(100);
      return [];
    },
    routesValid: () => undefined,
  };
  // Looks never come.
  const clock: Clock = { ...systemClock, sleep: (delay, signal) => systemClock.sleep(delay < 1000 ? delay : seconds(3600), signal) };
  const stopping = new AbortController();
  const followed = await followRoutesFile({ path, gateway, clock, logger: silentLogger }, stopping.signal);
  t.teardown(async () => {
    stopping.abort();
    await followed.ended;
    await rm(directory, { recursive: true });
  });
  await writeFile(path, yaml(1002));
  await until('the last version is applied', () => applied.length === 3);
  t.deepEqual(portsOf(applied), [1001, 1002, 1003]);
});

test('a bad version keeps the last good routes, says why once, and is forgotten when a good one comes', async (t) => {
  const { path, applied, valid, errors } = await follow(t, yaml(1001));
  await writeFile(path, 'workloads: [{name: nope}]');
  await until('refused', () => valid.at(-1) === false);
  t.is(applied.length, 1);
  await rm(path);
  await until('missing', () => errors.length === 2);
  await writeFile(path, '{ not: [closed');
  await until('unreadable', () => errors.length === 3);
  t.deepEqual(
    errors.map((error) => (error as { code: string }).code),
    ['routes-invalid', 'routes-unreadable', 'routes-invalid'],
  );
  await writeFile(path, yaml(1004));
  await until('good again', () => valid.at(-1) === true);
  t.deepEqual(portsOf(applied), [1001, 1004]);
});

test('a first version that cannot be used opens nothing', async (t) => {
  await t.throwsAsync(follow(t, 'workloads: 3'), { code: 'routes-invalid', message: /routes\.workloads: want a list/ });
  const gateway = { apply: () => Promise.reject(new Error('not to be called')), routesValid: () => undefined };
  const options = { path: '/does/not/exist.yaml', gateway, clock: systemClock, logger: silentLogger };
  await t.throwsAsync(followRoutesFile(options, new AbortController().signal), { code: 'routes-unreadable', message: /exist\.yaml cannot be read/ });
});
