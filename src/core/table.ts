export interface TableLook {
  /** Numbers, from this column on, are flush right. */
  readonly numbersFrom?: number;
  /** Adds what takes no room (colours) to a cell that is as wide as its column. */
  readonly paint?: (padded: string, cell: { readonly row: number; readonly column: number; readonly text: string }) => string;
}

/** Rows of cells as lines, each column as wide as its widest cell. */
export const table = (rows: readonly (readonly string[])[], { numbersFrom = Infinity, paint = (padded) => padded }: TableLook = {}): readonly string[] => {
  const widths: number[] = [];
  for (const cells of rows) for (const [column, text] of cells.entries()) widths[column] = Math.max(widths[column] ?? 0, text.length);
  return rows.map((cells, row) => {
    const last = cells.findLastIndex((text) => text !== '');
    return cells
      .slice(0, last + 1)
      .map((text, column) => {
        const width = widths[column] ?? 0;
        const padded = column >= numbersFrom ? text.padStart(width) : column === last ? text : text.padEnd(width);
        return paint(padded, { row, column, text });
      })
      .join('  ');
  });
};
