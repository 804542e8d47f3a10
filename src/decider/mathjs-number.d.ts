/** The part of mathjs' number-only build that `formula.ts` uses: it is published without types, and loads in half the time of the whole. */
declare module 'mathjs/number' {
  export interface MathNode {
    readonly type: string;
    readonly op?: string;
    readonly name?: string;
    readonly value?: unknown;
    readonly args?: readonly unknown[];
    /** Calls back for this node (with no parent) and for each node below it. */
    traverse(visit: (node: MathNode, path: string | null, parent: MathNode | null) => void): void;
    forEach(visit: (child: MathNode) => void): void;
    compile(): { evaluate(scope: Map<string, unknown>): unknown };
  }
  export const parse: (text: string) => MathNode;
}
