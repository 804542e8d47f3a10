import { createServer, type AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { WorkloadRoute } from '../../src/core/index.ts';
import { podAt, startRig, until, type Rig } from './gateway-rig.ts';
import { readRequest, type RawRequest } from './raw-message.ts';
import { dial, Wire, WireEnded } from './wire.ts';

/** A pod that reads and writes exact bytes: what it does with each connection is a script. */
export interface ScriptedOrigin {
  readonly port: number;
  /** Every connection that ever came, in order. */
  readonly connections: readonly Wire[];
  /** Every request that came whole, in order, where the script reads by `eachRequest`. */
  readonly requests: readonly RawRequest[];
  /** Requests and whatever else came that was not HTTP. */
  readonly problems: readonly unknown[];
  /** All bytes that came, of all connections. */
  readonly received: () => string;
  /** The connection of that number, when it is there. */
  readonly connection: (index: number) => Promise<Wire>;
  /** Takes no new connections from now on; those that there are stay. */
  readonly closePort: () => void;
  readonly die: () => Promise<void>;
}

/** What is done with a connection. When it returns, the connection is left as it is; when the other side has ended it, it is ended from here too. */
export type Script = (wire: Wire, requests: RawRequest[], index: number) => Promise<void>;

export const startScriptedOrigin = async (script: Script): Promise<ScriptedOrigin> => {
  const connections: Wire[] = [];
  const requests: RawRequest[] = [];
  const problems: unknown[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const wire = new Wire(socket);
    connections.push(wire);
    script(wire, requests, connections.length - 1).catch((error: unknown) => {
      if (error instanceof WireEnded) wire.finish();
      else problems.push(error);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    requests,
    problems,
    received: () => connections.map(({ received }) => received).join(''),
    connection: async (index) => {
      await until(`connection ${index} to the pod`, () => connections.length > index);
      return connections[index]!;
    },
    closePort: () => server.close(),
    die: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const { socket } of connections) socket.destroy();
      }),
  };
};

/** Reads one request after the other, whole, and hands each to `answer` before it reads on. */
export const eachRequest =
  (answer: (wire: Wire, request: RawRequest, index: number) => unknown): Script =>
  async (wire, requests, index) => {
    for (;;) {
      const request = await readRequest(wire);
      requests.push(request);
      await answer(wire, request, index);
    }
  };

/** An answer with a length. */
export const okWith = (body: string, fields = ''): string => `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;

/** Answers each request with what it was asked for: method and target. */
export const namesRequest: Script = eachRequest((wire, { method, target }) => wire.send(method === 'HEAD' ? okWith('') : okWith(`${method} ${target}`)));

export interface Scene {
  readonly origin: ScriptedOrigin;
  readonly rig: Rig;
  /** A new connection to the workload's port. */
  readonly dial: () => Promise<Wire>;
}

/** A gateway with one pod behind it. The test fails if the pod was sent what is not HTTP. */
export const startScene = async (
  t: ExecutionContext,
  script: Script,
  patch: Partial<WorkloadRoute> = {},
  options: Parameters<typeof startRig>[1] = {},
): Promise<Scene> => {
  const origin = await startScriptedOrigin(script);
  const rig = await startRig({ pods: [podAt(origin.port)], ...patch }, options);
  t.teardown(async () => {
    await rig.stop();
    await origin.die();
    if (origin.problems.length > 0) throw origin.problems[0];
  });
  return { origin, rig, dial: () => dial(t, rig.port) };
};
