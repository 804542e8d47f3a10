import { h2 } from './codes.ts';

/**
 * A GOAWAY that refuses nothing: it names the highest stream there can be (RFC 9113 §6.8). nghttp2 has it as `nghttp2_submit_shutdown_notice`, which Node does not hand on; after a GOAWAY by
 * `session.goaway` it passes over every new stream, whatever that GOAWAY said. So it is written into the connection beside the session, which writes whole frames only.
 */
export const shutdownNotice = ((): Buffer => {
  const payloadBytes = 8;
  const goaway = 7;
  const frame = Buffer.alloc(9 + payloadBytes);
  frame.writeUIntBE(payloadBytes, 0, 3);
  frame.writeUInt8(goaway, 3);
  frame.writeUInt32BE(2 ** 31 - 1, 9);
  frame.writeUInt32BE(h2.noError, 13);
  return frame;
})();
