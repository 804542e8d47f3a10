/** A run of whole seconds without a hole, both ends included. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The union where the two meet (or less than `slack` seconds lie between them), else the one that ends later. */
export const join = (known: Span | undefined, more: Span, slack: number): Span => {
  if (known === undefined) return more;
  const meet = more.from <= known.to + 1 + slack && more.to >= known.from - 1 - slack;
  if (meet) return { from: Math.min(known.from, more.from), to: Math.max(known.to, more.to) };
  return more.to > known.to ? more : known;
};
