/** The highest value of each of at most `most` stretches of equal length. */
export const thinned = (values: readonly number[], most: number): readonly number[] => {
  const step = Math.max(1, values.length / most);
  return Array.from({ length: Math.min(most, values.length) }, (_, index) =>
    Math.max(...values.slice(Math.floor(index * step), Math.max(Math.floor(index * step) + 1, Math.floor((index + 1) * step)))),
  );
};
