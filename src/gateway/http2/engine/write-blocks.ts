const smallBytes = 16 * 1024;
/** What a connection that carries much writes in a turn fits into it. */
const largeBytes = 96 * 1024;
const mostKept = 32;
const [small, large]: [Buffer[], Buffer[]] = [[], []];

/** Memory for what a connection writes in a turn; of no connection while it writes nothing. `bytes`: what it has written in the last one. */
export const takeBlock = (bytes: number): Buffer =>
  bytes > smallBytes ? (large.pop() ?? Buffer.allocUnsafeSlow(largeBytes)) : (small.pop() ?? Buffer.allocUnsafeSlow(smallBytes));

/** Nobody reads it any more. One that has grown otherwise is let go. */
export const giveBlock = (block: Buffer): void => {
  const free = block.length === smallBytes ? small : large;
  if (free.length < mostKept && (block.length === smallBytes || block.length === largeBytes)) free.push(block);
};
