import { admission } from './admission.ts';
import type { FuzzTarget } from './target.ts';

/** Every edge that is fuzzed. */
export const targets: readonly (() => FuzzTarget | Promise<FuzzTarget>)[] = [admission];
