const units = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
] as const;

/** A span in its largest unit, for a column: `4s`, `12m`, `3h`, `9d`. */
export const shortSpan = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000));
  for (const [unit, length] of units) if (seconds >= length) return `${String(Math.floor(seconds / length))}${unit}`;
  return `${String(seconds)}s`;
};

/** To about three figures: `93.2`, `0.04`, `1200`. */
export const shortNumber = (value: number): string => String(Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3)));
