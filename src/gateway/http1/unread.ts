/** What has come over a connection and is not read yet. */
export class Unread {
  /** From `at` on; undefined: nothing is left. */
  chunk: Buffer | undefined;
  at = 0;
  /** Its memory is read into again. */
  #isLent = false;

  /** `isLent`: the memory is somebody else's again from the next `keep` on. */
  add(chunk: Buffer, isLent: boolean): void {
    this.#isLent = isLent && this.chunk === undefined;
    this.chunk = this.chunk === undefined ? chunk : Buffer.concat([this.chunk.subarray(this.at), chunk]);
    this.at = 0;
  }

  /** All before `at` is read. */
  readTo(at: number): void {
    this.at = at;
    if (this.chunk !== undefined && at >= this.chunk.length) this.chunk = undefined;
  }

  drop(): void {
    this.chunk = undefined;
  }

  /** What is left stays as it is, whatever becomes of the memory that it came in. */
  keep(): void {
    if (!this.#isLent) return;
    this.#isLent = false;
    if (this.chunk === undefined) return;
    this.chunk = Buffer.from(this.chunk.subarray(this.at));
    this.at = 0;
  }

  /** What is left. */
  get bytes(): number {
    return this.chunk === undefined ? 0 : this.chunk.length - this.at;
  }

  /** Gives what is left away. */
  take(): Buffer {
    this.keep();
    const rest = this.chunk?.subarray(this.at) ?? Buffer.alloc(0);
    this.chunk = undefined;
    return rest;
  }
}
