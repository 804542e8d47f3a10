import { createCipheriv } from 'node:crypto';

/** Bytes that pods and clients both know, no two stretches of which are alike: an answer that is altered, shifted or another one's differs from what was asked. */
const bytes = 4 * 1024 * 1024;
export const downloadBytes = 1024 * 1024;
/** Where a stretch may begin, so that it fits. */
export const mostOffset = bytes - downloadBytes;

const all = createCipheriv('aes-128-ctr', Buffer.alloc(16, 'rouse'), Buffer.alloc(16)).update(Buffer.alloc(bytes));

export const stretch = (from: number, length: number): Buffer => all.subarray(from, from + length);
