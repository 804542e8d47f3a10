import type { MathNode } from 'mathjs/number';
import { metricNames } from '../core/index.ts';

const deepest = 32;
const mostNodes = 300;

const comparisons = new Set(['<', '<=', '>', '>=', '==', '!=', 'and', 'or', 'not']);
const arithmetic = new Set(['+', '-', '*', '/', '%', '^']);
const functions = ['min', 'max', 'ceil', 'floor', 'round', 'abs', 'sqrt', 'log', 'exp', 'clamp'];
const plainNodes = new Set(['ParenthesisNode', 'ConditionalNode', 'RelationalNode']);

/** Names besides the functions: every metric, and the pods. */
const formulaNames: readonly string[] = [...metricNames, 'ready', 'starting'];

const childrenOf = (node: MathNode): readonly MathNode[] => {
  const children: MathNode[] = [];
  node.forEach((child) => children.push(child));
  return children;
};

const depthOf = (node: MathNode): number => 1 + Math.max(0, ...childrenOf(node).map(depthOf));

const wrongNode = (node: MathNode, path: string | null): string | undefined => {
  const name = node.name ?? '';
  switch (node.type) {
    case 'ConstantNode':
      return typeof node.value === 'number' && Number.isFinite(node.value) ? undefined : 'holds a constant that is no finite number';
    case 'SymbolNode': {
      if (path === 'fn') return functions.includes(name) ? undefined : `calls the unknown function "${name}" (known: ${functions.join(', ')})`;
      return formulaNames.includes(name) ? undefined : `has the unknown name "${name}" (known: ${formulaNames.join(', ')})`;
    }
    case 'FunctionNode':
      return functions.includes(name) ? undefined : `calls the unknown function "${name}" (known: ${functions.join(', ')})`;
    case 'OperatorNode':
      return arithmetic.has(node.op ?? '') || comparisons.has(node.op ?? '') ? undefined : `uses the operator "${node.op ?? ''}", which is not allowed`;
    default:
      return plainNodes.has(node.type) ? undefined : 'holds something else than numbers, names, operators and calls of functions';
  }
};

type Kind = 'number' | 'truth';

/** What a node whose parts are all allowed gives. Arithmetic makes numbers of truths (0 and 1); of functions only some would, so none gets them. */
const kindOf = (node: MathNode): Kind | { readonly problem: string } => {
  const kinds = childrenOf(node).map(kindOf);
  const found = kinds.find((kind) => typeof kind === 'object');
  if (found !== undefined) return found;
  switch (node.type) {
    case 'RelationalNode':
      return 'truth';
    case 'OperatorNode':
      return comparisons.has(node.op ?? '') ? 'truth' : 'number';
    case 'ParenthesisNode':
      return kinds[0] ?? 'number';
    case 'ConditionalNode':
      return kinds.slice(1).includes('truth') ? 'truth' : 'number';
    case 'FunctionNode':
      return kinds.includes('truth') ? { problem: `gives true or false to "${node.name ?? ''}", which takes numbers (write "… ? 1 : 0")` } : 'number';
    default:
      return 'number';
  }
};

/**
 * Says what is wrong with a parsed formula before anything of it is run, as the end of a sentence: whatever is not on the lists is not allowed, and what it
 * gives must be a number whatever the values are.
 */
export const treeProblem = (root: MathNode): string | undefined => {
  let nodes = 0;
  let problem: string | undefined;
  root.traverse((node, path) => {
    nodes += 1;
    problem ??= wrongNode(node, path);
  });
  if (problem !== undefined) return problem;
  if (nodes > mostNodes) return `has more than ${String(mostNodes)} parts`;
  if (depthOf(root) > deepest) return `is nested more than ${String(deepest)} deep`;
  const kind = kindOf(root);
  if (typeof kind === 'object') return kind.problem;
  return kind === 'truth' ? 'gives true or false, not a number of pods (write "… ? 1 : 0")' : undefined;
};
