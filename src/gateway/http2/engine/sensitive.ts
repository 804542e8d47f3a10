/** Names of fields that must never enter a compression table (RFC 7541 §7.1.3). */
export type Sensitive = ReadonlySet<string>;

export const noneSensitive: Sensitive = new Set();
