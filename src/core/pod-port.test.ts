import test from 'ava';
import { parseLocalPorts, printLocalPorts, resolvePodPort } from './pod-port.ts';

const containers = [
  { ports: [{ name: 'dns', containerPort: 53, protocol: 'UDP' }] },
  {
    ports: [
      { name: 'dns', containerPort: 5353, protocol: 'TCP' },
      { name: 'http', containerPort: 8080 },
    ],
  },
  {},
];

test('a numeric targetPort stands for itself, declared or not', (t) => {
  t.is(resolvePodPort({ containers }, 8080), 8080);
  t.is(resolvePodPort({ containers: [] }, 9), 9);
});

test('a named targetPort is found by name and protocol, and a missing one gives nothing', (t) => {
  t.is(resolvePodPort({ containers }, 'http'), 8080);
  t.is(resolvePodPort({ containers }, 'dns'), 5353);
  t.is(resolvePodPort({ containers }, 'dns', 'UDP'), 53);
  t.is(resolvePodPort({ containers }, 'grpc'), undefined);
});

test('with allotted local ports the allotted one is given, and one that was not allotted is no port of this pod', (t) => {
  const pod = { containers, localPorts: '{"8080":41001,"5353":41002}' };
  t.is(resolvePodPort(pod, 'http'), 41001);
  t.is(resolvePodPort(pod, 8080), 41001);
  t.is(resolvePodPort(pod, 'dns'), 41002);
  t.is(resolvePodPort(pod, 9090), undefined);
});

test('a pod that declares no ports serves every numeric targetPort on its one allotted port', (t) => {
  t.is(resolvePodPort({ containers: [{}], localPorts: '{"*":41003}' }, 80), 41003);
  t.is(resolvePodPort({ containers: [{}], localPorts: '{"*":41003}' }, 'http'), undefined);
});

test('a malformed annotation counts as absent, and ports out of range are dropped', (t) => {
  for (const localPorts of ['', '{', '[]', 'null', '7', '"x"']) t.is(resolvePodPort({ containers, localPorts }, 'http'), 8080);
  t.deepEqual([...(parseLocalPorts('{"1":0,"2":65536,"3":1.5,"4":"x","5":7}') ?? [])], [['5', 7]]);
});

test('printing and parsing allotted ports are inverse', (t) => {
  const ports = new Map([
    ['8080', 65535],
    ['9090', 1],
  ]);
  t.deepEqual(parseLocalPorts(printLocalPorts(ports)), ports);
});
