import type { Context } from '../context.ts';
import type { Case } from '../suite.ts';

/** A case in one line: sentence, request, who relies on it, what to do. */
export const one = (name: string, call: string, by: string, run: (context: Context) => Promise<void>): Case => ({ name, call, by, run });
