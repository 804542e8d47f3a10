/** Fields of a HorizontalPodAutoscaler as it was saved: whatever it holds, or does not. */

type Fields = Readonly<Record<string, unknown>>;
export const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
export const at = (value: unknown, ...path: readonly string[]): unknown => path.reduce((here: unknown, step) => fieldsOf(here)[step], value);
/** For people. */
export const wordOf = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '?');
