import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import test from 'ava';
import { until } from '../../../test/support/until.ts';
import { Outbox } from './outbox.ts';

test('whoever says more in a turn than the other side reads is told to wait in that turn', async (t) => {
  let accepted: Socket | undefined;
  const server = createServer((socket) => (accepted = socket.pause()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const far = await until('accepted', () => accepted);
  t.teardown(() => {
    socket.destroy();
    far.destroy();
    server.close();
  });
  // As heads of interim answers come, out of one read.
  const interim = `HTTP/1.1 103 Early Hints\r\nLink: <${'x'.repeat(250)}>\r\n\r\n`;
  const out = new Outbox(socket);
  let said = 0;
  do {
    out.text(interim);
    said += interim.length;
  } while (out.flush() && said < 100_000_000);
  t.true(said < 100_000_000);
  t.true(socket.writableLength <= socket.writableHighWaterMark + 16 * 1024, `${socket.writableLength} bytes are kept`);

  let read = 0;
  far.on('data', (chunk) => (read += chunk.length)).resume();
  await until('all of it has come', () => read === said);
});
