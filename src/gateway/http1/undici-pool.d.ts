/** undici's Pool alone: its index brings fetch, caches, WebSocket and more, 13 MB and 50 ms that a gateway has no use for. */
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici';
  export default Pool;
}
