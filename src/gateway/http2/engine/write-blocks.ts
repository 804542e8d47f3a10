const blockBytes = 16 * 1024;
const mostKept = 64;
const free: Buffer[] = [];

/** Memory for what a connection writes in a turn; of no connection while it writes nothing. */
export const takeBlock = (): Buffer => free.pop() ?? Buffer.allocUnsafeSlow(blockBytes);

/** Nobody reads it any more. */
export const giveBlock = (block: Buffer): void => {
  // One that has grown goes too, unless it is so large that few will fill it again.
  if (block.length >= blockBytes && block.length <= 8 * blockBytes && free.length < mostKept) free.push(block);
};
