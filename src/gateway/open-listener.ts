/** A port that is open. */
export interface OpenListener {
  readonly port: number;
  /** From now on clients are told to come again on another connection. */
  sayGoodbye(): void;
  /** Takes nothing new; resolves when the last connection has ended by itself. */
  close(): Promise<void>;
  /** Ends what is still open. */
  destroy(): void;
}
