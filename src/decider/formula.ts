import type { MathNode } from 'mathjs/number';
import { messageOf } from '../core/index.ts';
import { treeProblem } from './formula-check.ts';

/** A checked formula: a pure function of numbers. */
export interface Formula {
  /** Names that it reads. */
  readonly names: readonly string[];
  /** The count that it gives, not rounded; undefined if a name has no value or the result is no finite number. */
  evaluate(values: ReadonlyMap<string, number>): number | undefined;
}

/** Finds a formula that was checked before; undefined for one that is wrong. */
export type FormulaLookup = (text: string) => Formula | undefined;

export interface Formulas {
  /** Says what is wrong, as the end of a sentence that begins with the formula; undefined if it is right. */
  check(text: string): string | undefined;
  readonly lookup: FormulaLookup;
}

/** For those who decide without formulas: a spec that has one then holds, with the reason `formula-failed`. */
export const noFormulas: FormulaLookup = () => undefined;

const longest = 1000;
/** Formulas kept compiled; the oldest goes first. */
const mostKept = 10_000;

/** One that is left out makes it no number. */
const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

const compile = (root: MathNode): Formula => {
  const code = root.compile();
  const names = new Set<string>();
  root.traverse((node, path) => {
    if (node.type === 'SymbolNode' && path !== 'fn' && node.name !== undefined) names.add(node.name);
  });
  return {
    names: [...names],
    evaluate: (values) => {
      const scope = new Map<string, unknown>([['clamp', clamp]]);
      for (const name of names) {
        const value = values.get(name);
        if (value === undefined) return undefined;
        scope.set(name, value);
      }
      try {
        const result = code.evaluate(scope);
        return typeof result === 'number' && Number.isFinite(result) ? result : undefined;
      } catch {
        return undefined;
      }
    },
  };
};

/** A formula that gives a number for none of these will never give one. */
const samples = [0, 1, 2.5, 40, 1000];
const givesNumber = (formula: Formula): boolean =>
  samples.some((sample) => formula.evaluate(new Map(formula.names.map((name, index) => [name, sample + index]))) !== undefined);

const read = (text: string, parse: (text: string) => MathNode): { readonly formula: Formula } | { readonly problem: string } => {
  if (text.length > longest) return { problem: `is longer than ${String(longest)} characters` };
  if (text.trim() === '') return { problem: 'is empty' };
  try {
    const root = parse(text);
    const problem = treeProblem(root);
    if (problem !== undefined) return { problem };
    const formula = compile(root);
    return givesNumber(formula) ? { formula } : { problem: 'gives no finite number' };
  } catch (thrown) {
    // The parser goes down a level for each parenthesis, and there may be more of them than its stack has room for.
    return { problem: thrown instanceof RangeError ? 'is nested too deeply' : `cannot be read: ${messageOf(thrown)}` };
  }
};

/**
 * Formulas by mathjs. Only numbers, the known names, arithmetic, comparisons, conditions and a few functions get through, checked on the
 * parsed tree before anything is run. Loading takes 0.4 s and 60 MB, so it waits until a workload has a formula: call `loadFormulas` then.
 */
export const loadFormulas = async (): Promise<Formulas> => {
  const { parse } = await import('mathjs/number');
  const kept = new Map<string, ReturnType<typeof read>>();
  const find = (text: string): ReturnType<typeof read> => {
    const known = kept.get(text);
    if (known !== undefined) return known;
    const found = read(text, parse);
    const oldest = kept.size >= mostKept ? kept.keys().next() : undefined;
    if (oldest?.done === false) kept.delete(oldest.value);
    kept.set(text, found);
    return found;
  };
  return {
    check: (text) => {
      const found = find(text);
      return 'problem' in found ? found.problem : undefined;
    },
    lookup: (text) => {
      const found = find(text);
      return 'formula' in found ? found.formula : undefined;
    },
  };
};
