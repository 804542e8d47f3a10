import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RouseError, silentLogger, systemClock, type RouteSnapshot } from '../../../src/core/index.ts';
import { followRoutesFile } from '../../../src/gateway/index.ts';
import { readDownMessage } from '../../../src/link/index.ts';
import { insist } from '../insist.ts';
import type { FuzzTarget } from '../target.ts';

const corpus = [
  'workloads:\n- name: default/app\n  listeners: [{address: 127.0.0.1, port: 9500, protocol: http1}]\n  hosts: []\n  endpoints: [{address: 127.0.0.1, port: 9100}]\n  containerConcurrency: 0\n  holdQueueDepth: 1000\n  holdTimeout: 60s\n  requestTimeout: 0s\n  responseStartTimeout: 300s\n  idleTimeout: 0s\n',
  '{"workloads":[{"name":"default/app","hosts":["app.example.com"],"endpoints":[]},{"name":"b/statefulsets.apps/c","listeners":[{"port":1,"protocol":"tcp"}],"endpoints":[{"address":"::1","port":2},{"address":"host.example.com","port":3}]}]}',
  'workloads: [{name: a/b, listeners: [{port: 80, protocol: h2c}], holdTimeout: 1m30s, holdQueueDepth: 5, containerConcurrency: 1000, idleTimeout: 24h}]',
];

/** The routes file, through the door that `rouse gateway --routes` uses. */
export const routesFileTarget = async (): Promise<FuzzTarget> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-fuzz-'));
  const path = join(directory, 'routes.yaml');
  const first = async (): Promise<RouteSnapshot | undefined> => {
    const stopping = new AbortController();
    const applied: RouteSnapshot[] = [];
    const gateway = { apply: (snapshot: RouteSnapshot) => Promise.resolve((applied.push(snapshot), [])), routesValid: () => undefined };
    try {
      const followed = await followRoutesFile({ path, gateway, clock: systemClock, logger: silentLogger }, stopping.signal);
      stopping.abort();
      await followed.ended;
    } catch (error) {
      insist(error instanceof RouseError && error.code === 'routes-invalid', `what is wrong is told as such: ${String(error)}`);
      insist(error.message.length < 20_000 && !error.message.includes('\n'), 'in one line', error.message);
      insist(applied.length === 0, 'what is refused is not applied');
      return undefined;
    }
    return applied[0];
  };
  return {
    name: 'routes-file',
    corpus,
    check: async (input) => {
      await writeFile(path, input);
      const snapshot = await first();
      if (snapshot === undefined) return;
      const read = readDownMessage(JSON.stringify({ type: 'routes', epoch: 1, snapshot }));
      insist(read.ok, 'routes out of a file could cross the link', read);
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
};
