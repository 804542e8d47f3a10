import { equal, isObject } from '../json.ts';

/**
 * The order of a merged list: the items that `order` names stand in its sequence, the others in the sequence they had on the server
 * (`serverOrder`), and the two are interleaved so that an item only the server knows stays before those it stood before.
 * `key` is the merge key of objects, undefined for primitives. (apimachinery strategicpatch: normalizeElementOrder, mergeSortedSlice.)
 */
export const mergeOrder = (merged: readonly unknown[], order: readonly unknown[], serverOrder: readonly unknown[], key: string | undefined): unknown[] => {
  const identity = (item: unknown): unknown => (key !== undefined && isObject(item) ? item[key] : item);
  const position = (list: readonly unknown[], item: unknown): number => list.findIndex((other) => equal(identity(other), identity(item)));
  const by = (list: readonly unknown[]) => (left: unknown, right: unknown) => position(list, left) - position(list, right);

  const named = merged.filter((item) => position(order, item) >= 0).sort(by(order));
  const serverOnly = merged.filter((item) => position(order, item) < 0).sort(by(serverOrder));
  const result: unknown[] = [];
  let [left, right] = [0, 0];
  while (left < serverOnly.length || right < named.length) {
    if (left < serverOnly.length && (right >= named.length || standsBefore(serverOrder, position, serverOnly[left], named[right])))
      result.push(serverOnly[left++]);
    else result.push(named[right++]);
  }
  return result;
};

const standsBefore = (
  serverOrder: readonly unknown[],
  position: (list: readonly unknown[], item: unknown) => number,
  left: unknown,
  right: unknown,
): boolean => {
  const [at, other] = [position(serverOrder, left), position(serverOrder, right)];
  return at >= 0 && other >= 0 && at < other;
};
