import test from 'ava';
import type { Protocol } from '../core/index.ts';
import { protocolOf } from './protocol.ts';

const spoken = test.macro((t, said: Protocol | 'auto', name: string | undefined, appProtocol: string | undefined, want: Protocol) => {
  t.is(protocolOf(said, { name, appProtocol }), want);
});
test('what the workload says stands', spoken, 'grpc', 'http', 'kubernetes.io/h2c', 'grpc');
test('appProtocol comes before the name', spoken, 'auto', 'grpc', 'http', 'http1');
test('h2c by its standard name', spoken, 'auto', undefined, 'kubernetes.io/h2c', 'h2c');
test('WebSocket is HTTP/1.1', spoken, 'auto', undefined, 'kubernetes.io/ws', 'http1');
test('what is encrypted is carried as bytes', spoken, 'auto', undefined, 'https', 'tcp');
test('an unknown appProtocol is carried as bytes', spoken, 'auto', 'http', 'acme.com/own', 'tcp');
test('an empty appProtocol says nothing', spoken, 'auto', 'grpc', '', 'grpc');
test('a port name may have a suffix', spoken, 'auto', 'grpc-orders', undefined, 'grpc');
test('grpc-web is HTTP', spoken, 'auto', 'grpc-web', undefined, 'http1');
test('a database by name', spoken, 'auto', 'redis', undefined, 'tcp');
test('any other name is HTTP/1.1', spoken, 'auto', 'web', undefined, 'http1');
test('no name is HTTP/1.1', spoken, 'auto', undefined, undefined, 'http1');
