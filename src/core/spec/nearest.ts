/** Longer words are compared by their beginnings. */
const longest = 64;

/**
 * Edits (insert, delete, replace, swap of neighbours) between two short words, where they are at most `most`: Damerau–Levenshtein, optimal string alignment, and of
 * its table only what is near the diagonal (Ukkonen 1985).
 */
const distance = (a: string, b: string, most: number): number => {
  if (Math.abs(a.length - b.length) > most) return Number.POSITIVE_INFINITY;
  const far = most + 1;
  let beforeLast = new Uint8Array(b.length + 2);
  let last = Uint8Array.from({ length: b.length + 2 }, (_, j) => Math.min(j, far));
  let row = new Uint8Array(b.length + 2);
  let leastOfLast = 0;
  for (let i = 1; i <= a.length; i++) {
    const [from, to] = [Math.max(1, i - most), Math.min(b.length, i + most)];
    row[from - 1] = from === 1 ? Math.min(i, far) : far;
    let least = row[from - 1] ?? far;
    for (let j = from; j <= to; j++) {
      const replace = (last[j - 1] ?? far) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replace, (last[j] ?? far) + 1, (row[j - 1] ?? far) + 1, far);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (beforeLast[j - 2] ?? far) + 1);
      row[j] = best;
      least = Math.min(least, best);
    }
    row[to + 1] = far;
    // A swap reaches back two rows.
    if (least > most && leastOfLast > most) return Number.POSITIVE_INFINITY;
    leastOfLast = least;
    [beforeLast, last, row] = [last, row, beforeLast];
  }
  return last[b.length] ?? far;
};

const plain = (name: string): string =>
  name
    .slice(0, longest)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '');

/** The known name that `name` was most likely meant to be; undefined if none is near. Case, dashes and underscores do not count. */
export const nearest = (name: string, known: readonly string[]): string | undefined => {
  const wanted = plain(name);
  let best: string | undefined;
  let most = Math.max(2, Math.floor(wanted.length / 3));
  for (const candidate of known) {
    const edits = distance(wanted, plain(candidate), most);
    // The first of the nearest: who comes after must be nearer.
    if (edits <= most) [best, most] = [candidate, edits - 1];
    if (most < 0) break;
  }
  return best;
};
