import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { Agent, request } from 'undici';
import { silentLogger, systemClock } from '../../../src/core/index.ts';
import { createExtender } from '../../../src/webhooks/index.ts';
import { namesOnlyCall, podToPlace, wholeNodesCall } from '../../support/extender-call.ts';
import { FakePlacer } from '../../support/fake-placer.ts';
import { insist } from '../insist.ts';
import type { FuzzTarget } from '../target.ts';

/** Calls of schedulers over HTTP: whatever comes in, the answer is one that kube-scheduler takes or a clear refusal, and filter never leaves no node where there was one. */

const nodes = { warm: { score: 9, pool: 'base' }, cold: { score: 2, pool: 'base' }, spot: { score: 7, pool: 'burst' } };
const node = (name: string): object => ({ metadata: { name, labels: { score: '3', pool: 'base' } }, spec: { unschedulable: true }, status: {} });
const corpus = [
  namesOnlyCall(podToPlace('web'), ['warm', 'cold', 'spot', 'new']),
  namesOnlyCall(podToPlace('other'), ['warm', 'cold']),
  namesOnlyCall(podToPlace('off'), []),
  wholeNodesCall(podToPlace('web'), [node('new'), node('spot'), node('warm')]),
  wholeNodesCall(podToPlace('other'), [node('a')]),
].map((call) => JSON.stringify(call));

interface Sent {
  readonly NodeNames?: readonly unknown[] | null;
  readonly Nodes?: { readonly items?: readonly unknown[] | null } | null;
}
interface Filtered {
  readonly NodeNames?: readonly unknown[];
  readonly Nodes?: { readonly items: readonly unknown[] };
  readonly Error?: unknown;
}

/** Of a call that was understood. */
const sentOf = (input: Buffer): readonly unknown[] => {
  const { NodeNames, Nodes } = JSON.parse(input.toString('utf8')) as Sent;
  return NodeNames ?? Nodes?.items ?? [];
};

const checkPriorities = (input: Buffer, hosts: readonly { readonly Host?: unknown; readonly Score?: unknown }[]): void => {
  insist(hosts.length === 0 || hosts.length === sentOf(input).length, 'each node has a score, or none has', hosts);
  for (const { Host, Score } of hosts) {
    insist(typeof Host === 'string', 'a host is named', Host);
    insist(Number.isInteger(Score) && Number(Score) >= 0 && Number(Score) <= 10, 'a score is an integer from 0 to 10', Score);
  }
};

const checkFiltered = (input: Buffer, { NodeNames, Nodes }: Filtered): void => {
  const sent = sentOf(input);
  const left = NodeNames ?? Nodes?.items ?? [];
  insist((NodeNames === undefined) !== (Nodes === undefined), 'nodes come back in one form', { NodeNames, Nodes });
  insist(left.length > 0 || sent.length === 0, 'a node is left where there was one', left);
  const known = new Set(sent.map((each) => JSON.stringify(each)));
  insist(
    left.every((each) => known.has(JSON.stringify(each))),
    'no node is left that was not there',
    left,
  );
};

export const extenderTarget = async (): Promise<FuzzTarget> => {
  let ours: unknown;
  const logger = { ...silentLogger, error: (_message: string, fields?: Readonly<Record<string, unknown>>): unknown => (ours = fields?.['error']) };
  const { app } = createExtender({ placer: new FakePlacer({ nodes, pool: 'base' }), clock: systemClock, logger });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dispatcher = new Agent({ connections: 1 });
  const post = async (verb: string, body: Buffer): Promise<{ readonly status: number; readonly body: unknown }> => {
    const answer = await request(`${origin}/extender/${verb}`, { method: 'POST', body, headers: { 'content-type': 'application/json' }, dispatcher });
    return { status: answer.statusCode, body: await answer.body.json() };
  };
  return {
    name: 'extender',
    format: 'json',
    corpus,
    check: async (input) => {
      ours = undefined;
      const scores = await post('prioritize', input);
      insist([200, 400, 413].includes(scores.status), 'the status is one that is documented', scores);
      if (scores.status === 200) checkPriorities(input, scores.body as readonly object[]);
      else insist(typeof (scores.body as { readonly error?: unknown }).error === 'string', 'a refusal says why', scores.body);
      const rest = await post('filter', input);
      const { Error: problem } = rest.body as Filtered;
      insist(rest.status === 200, 'filter tells its errors in its answer', rest);
      insist((problem === '') === (scores.status === 200), 'both verbs understand the same calls', [problem, scores.status]);
      if (problem === '') checkFiltered(input, rest.body as Filtered);
      if (ours !== undefined) throw new Error(`the extender failed: ${inspect(ours)}`);
    },
    close: async () => {
      await dispatcher.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
};
