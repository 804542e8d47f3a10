/** Rows of cells as lines, each column as wide as its widest cell; numbers, from the column `numbersFrom` on, are flush right. */
export const table = (rows: readonly (readonly string[])[], numbersFrom = Infinity): readonly string[] => {
  const widths: number[] = [];
  for (const row of rows) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, column) => (column < numbersFrom ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
};
