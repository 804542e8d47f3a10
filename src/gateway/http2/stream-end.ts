import { errors } from './engine/codes.ts';

/** What is known when the stream to a pod is closed. */
export interface ClosedStream {
  /** `no`: not even its head has come; `begun`: the head has gone on to the client; `whole`: to its end. */
  readonly answer: 'no' | 'begun' | 'whole';
  readonly code: number;
  /** It never left: its connection was closed before. */
  readonly unsent: boolean;
  /** The connection is no more. */
  readonly lost: boolean;
  /** The connection takes nothing new, since the pod or we said GOAWAY, or it is no more. */
  readonly ending: boolean;
  /** Other requests had gone over the connection before. */
  readonly used: boolean;
  /** This one was the attempt of that number, from 1. */
  readonly attempt: number;
  /** All of the request is still here. */
  readonly unread: boolean;
  /** It may arrive twice (RFC 9110 §9.2.2), and has no body. */
  readonly replayable: boolean;
}

/** `whole`: nothing is left to do; `again`: the request may be sent once more; `broken`: the pod has broken off; else the pod has reset the stream, with this code. */
export type StreamEnd = 'whole' | 'again' | 'broken' | { readonly reset: number };

/** A request that a pod has not taken on is sent so many times in all: where the pod refused it, and where the pod was ending the connection. */
const mostAttempts = { refused: 3, ending: 20 } as const;

/** What the end of a stream to a pod means for its request. */
export const endOf = ({ answer, code, unsent, lost, ending, used, attempt, unread, replayable }: ClosedStream): StreamEnd => {
  if (answer === 'whole') return 'whole';
  // A reset that says that all is well, behind half an answer, or behind none, is nothing to pass on.
  const reset = lost || unsent || code === errors.noError ? 'broken' : { reset: code };
  if (answer === 'begun' || !unread) return reset;
  // Never taken on (RFC 9113 §8.7): nothing is done twice by sending it again.
  if (unsent || code === errors.refusedStream) return attempt < (ending ? mostAttempts.ending : mostAttempts.refused) ? 'again' : reset;
  // The pod was closing the connection while the request was on its way: no fault of the pod, and none that the client should see.
  return lost && used && replayable && attempt === 1 ? 'again' : reset;
};
