import type { Context } from './context.ts';

/** One behaviour of the API. `call` is the request (or the controller) it is about, `by` who relies on it. */
export interface Case {
  /** A sentence; unique in its group. */
  readonly name: string;
  readonly call: string;
  readonly by: string;
  readonly run: (context: Context) => Promise<void>;
}

export interface Group {
  readonly name: string;
  readonly cases: readonly Case[];
}

export const caseName = (group: Group, { name }: Case): string => `${group.name}: ${name}`;

/** A case in one line: sentence, request, who relies on it, what to do. */
export const one = (name: string, call: string, by: string, run: (context: Context) => Promise<void>): Case => ({ name, call, by, run });
