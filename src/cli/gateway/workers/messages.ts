import type { ChildProcess, SendHandle, Serializable } from 'node:child_process';
import type { Server } from 'node:net';
import type { GatewayFlags } from '../../flags.ts';
import type { ExitCode } from '../../exit-code.ts';
import type { StopGateway } from '../linked-gateway.ts';
import type { EdgePortNumbers } from '../../listen.ts';

/** What the parent of a gateway's workers and a worker say to each other, over the channel that node opens between a process and its child. */

export interface StartWorker {
  readonly type: 'start';
  readonly flags: GatewayFlags;
  readonly podName: string;
  readonly index: number;
  /** Names this gateway among all, to the controllers. */
  readonly gateway: string;
  /** Ids of workers that have ended without a word. */
  readonly ended: readonly string[];
}

/** Down. `socket` answers `want`: `open` it yourself and say how that went, `take` the one that comes with this, or it cannot be had. */
export type ToWorker =
  | StartWorker
  | { readonly type: 'socket'; readonly key: string; readonly answer: 'open' | 'take' }
  | { readonly type: 'socket'; readonly key: string; readonly answer: 'refused'; readonly problem: PortProblem }
  | { readonly type: 'metrics'; readonly question: number }
  | { readonly type: 'stop'; readonly how: StopGateway };

export interface PortProblem {
  readonly code: string | undefined;
  readonly message: string;
}

/** Up. With `opened` comes the socket. */
export type FromWorker =
  | { readonly type: 'want' | 'opened' | 'closed'; readonly key: string }
  | { readonly type: 'refused'; readonly key: string; readonly problem: PortProblem }
  /** It runs; `id` is its name on the link. */
  | { readonly type: 'started'; readonly id: string; readonly ports: EdgePortNumbers }
  /** It cannot start, and ends. */
  | { readonly type: 'failed'; readonly message: string; readonly exitCode: ExitCode }
  /** What it waits for before it serves; undefined: it serves, for good. */
  | { readonly type: 'readiness'; readonly waitsFor: string | undefined }
  | { readonly type: 'metrics'; readonly question: number; readonly text: string }
  /** It has ended in order; these are its last figures. */
  | { readonly type: 'stopped'; readonly text: string };

/** A listening socket as node passes it on: not one that this process accepts from. */
export type SocketHandle = { close(): void } & SendHandle;

/** The socket of a server that listens. Node documents `_handle` as what `server.listen` takes of another server. */
export const handleOf = (server: Server): SocketHandle => (server as unknown as { readonly _handle: SocketHandle })._handle;

type Heard<Message> = (message: Message, handle: SocketHandle | undefined) => void;

// Both ends are of one program, so what comes is what its type says.

export const onWord = (worker: ChildProcess, heard: Heard<FromWorker>): void => {
  worker.on('message', (message: Serializable, handle: SendHandle) => heard(message as FromWorker, handle as SocketHandle | undefined));
};

export const onOrder = (self: NodeJS.Process, heard: Heard<ToWorker>): void => {
  self.on('message', (message, handle) => heard(message as ToWorker, handle as SocketHandle | undefined));
};
