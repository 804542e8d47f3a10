import type { MathNode } from 'mathjs/number';
import { metricNames } from '../core/index.ts';

const deepest = 32;
const mostNodes = 300;

const comparisons = new Set(['<', '<=', '>', '>=', '==', '!=', 'and', 'or', 'not']);
const arithmetic = new Set(['+', '-', '*', '/', '%', '^']);
/** Each with how many arguments it takes. The second one of `ceil`, `floor` and `round` is a number of decimals, that of `log` its base. */
const functions = new Map<string, { readonly least: number; readonly most: number }>([
  ['min', { least: 1, most: Number.POSITIVE_INFINITY }],
  ['max', { least: 1, most: Number.POSITIVE_INFINITY }],
  ['ceil', { least: 1, most: 2 }],
  ['floor', { least: 1, most: 2 }],
  ['round', { least: 1, most: 2 }],
  ['abs', { least: 1, most: 1 }],
  ['sqrt', { least: 1, most: 1 }],
  ['log', { least: 1, most: 2 }],
  ['exp', { least: 1, most: 1 }],
  ['clamp', { least: 3, most: 3 }],
]);
const plainNodes = new Set(['ParenthesisNode', 'ConditionalNode', 'RelationalNode']);

/** Names besides the functions: every metric, and the pods. */
const formulaNames: readonly string[] = [...metricNames, 'ready', 'starting'];

const childrenOf = (node: MathNode): readonly MathNode[] => {
  const children: MathNode[] = [];
  node.forEach((child) => children.push(child));
  return children;
};

const depthOf = (node: MathNode): number => 1 + Math.max(0, ...childrenOf(node).map(depthOf));

const wrongCall = (name: string, given: number): string | undefined => {
  const takes = functions.get(name);
  if (takes === undefined) return `calls the unknown function "${name}" (known: ${[...functions.keys()].join(', ')})`;
  const { least, most } = takes;
  if (given >= least && given <= most) return undefined;
  const range = least === most ? String(least) : `${String(least)} or ${Number.isFinite(most) ? String(most) : 'more'}`;
  return `calls "${name}" with ${String(given)} arguments; it takes ${range}`;
};

const wrongNode = (node: MathNode, path: string | null): string | undefined => {
  const { name = '', op = '' } = node;
  switch (node.type) {
    case 'ConstantNode':
      return Number.isFinite(node.value) ? undefined : 'holds a constant that is no finite number';
    case 'SymbolNode':
      // The name of a function is that of its call.
      return path === 'fn' || formulaNames.includes(name) ? undefined : `has the unknown name "${name}" (known: ${formulaNames.join(', ')})`;
    case 'FunctionNode':
      return wrongCall(name, node.args?.length ?? 0);
    case 'OperatorNode':
      return arithmetic.has(op) || comparisons.has(op) ? undefined : `uses the operator "${op}", which is not allowed`;
    default:
      return plainNodes.has(node.type) ? undefined : 'holds something else than numbers, names, operators and calls of functions';
  }
};

/** Whether a node whose parts are all allowed may give true or false. Arithmetic makes numbers of truths (0 and 1). */
const givesTruth = (node: MathNode): boolean => {
  switch (node.type) {
    case 'RelationalNode':
      return true;
    case 'OperatorNode':
      return comparisons.has(node.op ?? '');
    case 'ParenthesisNode':
      return childrenOf(node).some(givesTruth);
    case 'ConditionalNode':
      return childrenOf(node).slice(1).some(givesTruth);
    default:
      return false;
  }
};

/** Of functions only some would take a truth, so none gets one. */
const takesTruth = (node: MathNode): boolean => node.type === 'FunctionNode' && childrenOf(node).some(givesTruth);

/**
 * Says what is wrong with a parsed formula before anything of it is run, as the end of a sentence: whatever is not on the lists is not allowed, and what it
 * gives must be a number whatever the values are.
 */
export const treeProblem = (root: MathNode): string | undefined => {
  const nodes: MathNode[] = [];
  let problem: string | undefined;
  root.traverse((node, path) => {
    nodes.push(node);
    problem ??= wrongNode(node, path);
  });
  if (problem !== undefined) return problem;
  if (nodes.length > mostNodes) return `has more than ${String(mostNodes)} parts`;
  if (depthOf(root) > deepest) return `is nested more than ${String(deepest)} deep`;
  const taker = nodes.find(takesTruth);
  if (taker !== undefined) return `gives true or false to "${taker.name ?? ''}", which takes numbers (write "… ? 1 : 0")`;
  return givesTruth(root) ? 'gives true or false, not a number of pods (write "… ? 1 : 0")' : undefined;
};
