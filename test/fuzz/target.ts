/** An edge that takes input from outside. */
export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs to start from. */
  readonly corpus: readonly string[];
  /** Throws if the edge did anything but accept or refuse properly. */
  check(input: Buffer): void | Promise<void>;
  close?(): void | Promise<void>;
}
