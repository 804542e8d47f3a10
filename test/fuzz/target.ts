/** An edge that takes input from outside. */
export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs to start from. */
  readonly corpus: readonly string[];
  /** `json`: half of the inputs are edited as values and stay well-formed; the others as bytes. */
  readonly format?: 'json';
  /** Throws if the edge did anything but accept or refuse properly. */
  check(input: Buffer): void | Promise<void>;
  close?(): void | Promise<void>;
}
