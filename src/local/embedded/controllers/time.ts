import type { Clock } from '../../../core/index.ts';

/** `2026-01-31T12:00:00Z`: meta/v1 Time has whole seconds. */
export const timestamp = (clock: Clock): string => `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;

/** Milliseconds since the epoch; 0 for an absent or unreadable time, as Go's zero time sorts before all others. */
export const timeOf = (text: string | undefined): number => {
  const time = text === undefined ? 0 : Date.parse(text);
  return Number.isNaN(time) ? 0 : time;
};
