import type http from 'node:http';
import { createRequire } from 'node:module';

/**
 * `node:http` without what an `import` of it costs. A namespace is made with all of its exports, and one of them, `WebSocket`, is a getter that loads undici: 14 MB, and 30 ms of every start.
 * Types are imported from `node:http` itself.
 */
export const { createServer, get, STATUS_CODES } = createRequire(import.meta.url)('node:http') as typeof http;
