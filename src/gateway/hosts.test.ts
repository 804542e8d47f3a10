import test from 'ava';
import { startRig } from '../../test/support/gateway-rig.ts';

test('a host of TCP on the shared port is refused in words', async (t) => {
  const scene = await startRig();
  t.teardown(scene.stop);
  await scene.route({
    hosts: [
      { host: 'calls.default.localhost', protocol: 'grpc', target: 'http' },
      { host: 'db.default.localhost', protocol: 'tcp', target: 'http' },
    ],
  });
  const problems = await scene.gateway.apply({ revision: 9, full: false, upsert: [], remove: [] });
  t.deepEqual(
    problems.map(({ message }) => message),
    ['host db.default.localhost: a TCP connection names no host; give it a port of its own'],
  );
});
