import test from 'ava';
import fc from 'fast-check';
import { liveBytes } from '../../../test/support/live-memory.ts';
import { boundPodView, nodeView, podImages, podRequests, type NodeView } from '../index.ts';
import { imageName } from './image-name.ts';

/** As a kubelet writes it, with the parts that are of no interest here. */
const node = (name: string, images: readonly (readonly string[])[] = []): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name,
    uid: `uid-${name}`,
    resourceVersion: '1',
    labels: {
      'kubernetes.io/hostname': name,
      'topology.kubernetes.io/zone': 'eu-1a',
      'node.kubernetes.io/instance-type': 'm7i.xlarge',
      'karpenter.sh/capacity-type': 'spot',
    },
    annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
  },
  spec: {
    podCIDR: '10.244.1.0/24',
    providerID: `aws:///eu-1a/${name}`,
    taints: [{ key: 'karpenter.sh/disrupted', effect: 'NoSchedule' }],
  },
  status: {
    capacity: { cpu: '4', memory: '16393292Ki', pods: '58' },
    allocatable: { cpu: '3920m', 'ephemeral-storage': '18242267924', memory: '15376460Ki', pods: '58' },
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    images: images.map((names) => ({ names, sizeBytes: 31_234_567 })),
    nodeInfo: { kubeletVersion: 'v1.36.3', containerRuntimeVersion: 'containerd://2.2.1' },
  },
});

test('a node is trimmed to what matters for what is put on it', (t) => {
  const digest = `docker.io/library/nginx@sha256:${'a'.repeat(64)}`;
  t.deepEqual(nodeView(node('n1', [[digest, 'docker.io/library/nginx:1.29'], ['<none>@<none>', '<none>:<none>'], ['registry.k8s.io/pause:3.10']])), {
    name: 'n1',
    uid: 'uid-n1',
    labels: {
      'kubernetes.io/hostname': 'n1',
      'topology.kubernetes.io/zone': 'eu-1a',
      'node.kubernetes.io/instance-type': 'm7i.xlarge',
      'karpenter.sh/capacity-type': 'spot',
    },
    zone: 'eu-1a',
    taints: [{ key: 'karpenter.sh/disrupted', value: '', effect: 'NoSchedule' }],
    unschedulable: false,
    deleting: false,
    allocatable: { cpu: 3.92, memory: 15_376_460 * 1024, pods: 58 },
    images: [digest, 'docker.io/library/nginx:1.29', 'registry.k8s.io/pause:3.10'],
    namesAllImages: true,
  });
});

test('a node that names none of its images, or as many as it may, may have others', (t) => {
  t.false(nodeView(node('n')).namesAllImages);
  const images = Array.from({ length: 50 }, (_, index) => [`registry.example.com/app:${index}`]);
  t.false(nodeView(node('n', images)).namesAllImages);
  t.true(nodeView(node('n', images.slice(1))).namesAllImages);
});

const named = test.macro((t, name: string, full: string) => {
  t.is(imageName(name), full);
  t.is(imageName(full), full);
});
const sha = `sha256:${'b'.repeat(64)}`;
test('an official image of Docker Hub has its full name', named, 'nginx', 'docker.io/library/nginx:latest');
test('and so has one of a user there', named, 'me/app:2', 'docker.io/me/app:2');
test('Docker Hub has one name', named, 'index.docker.io/me/app:2', 'docker.io/me/app:2');
test('a registry is known by its dot', named, 'ghcr.io/me/app', 'ghcr.io/me/app:latest');
test('or by its port, which is no tag', named, 'localhost:5000/app', 'localhost:5000/app:latest');
test('or by being localhost', named, 'localhost/app:1', 'localhost/app:1');
test('a digest goes before a tag', named, `ghcr.io/me/app:1@${sha}`, `ghcr.io/me/app@${sha}`);
test('a digest without a tag stays', named, `nginx@${sha}`, `docker.io/library/nginx@${sha}`);

const asking = (name: string, cpu: string | undefined, memory: string | undefined, more: object = {}): object => ({
  name,
  image: `${name}:1`,
  resources: { requests: { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) } },
  ...more,
});
const sidecar = { restartPolicy: 'Always' };

const counted = test.macro((t, spec: object, cpu: number, memory: number, status: object = {}) => {
  const { cpu: gotCpu, memory: gotMemory } = podRequests({ spec, status });
  t.deepEqual([Math.round(gotCpu * 1000), gotMemory], [cpu, memory]);
});
const app = asking('app', '500m', '128Mi');
const mebi = 2 ** 20;
test('containers count together, and what one does not say is nothing', counted, { containers: [app, asking('side', '0.25', undefined)] }, 750, 128 * mebi);
test('an init container counts where it asks for more', counted, { containers: [app], initContainers: [asking('i', '2', '1Mi')] }, 2000, 128 * mebi);
test(
  'of several init containers the largest counts',
  counted,
  { containers: [app], initContainers: [asking('i', '1', '1Gi'), asking('j', '2', '1Mi')] },
  2000,
  1024 * mebi,
);
test('a sidecar runs beside the containers', counted, { containers: [app], initContainers: [asking('proxy', '100m', '64Mi', sidecar)] }, 600, 192 * mebi);
test(
  'and beside the init containers after it',
  counted,
  { containers: [app], initContainers: [asking('proxy', '100m', '64Mi', sidecar), asking('i', '2', '1Mi')] },
  2100,
  192 * mebi,
);
test(
  'but not beside those before it',
  counted,
  { containers: [app], initContainers: [asking('i', '2', '1Mi'), asking('proxy', '100m', '64Mi', sidecar)] },
  2000,
  192 * mebi,
);
test('the overhead of a runtime class comes on top', counted, { containers: [app], overhead: { cpu: '250m', memory: '120Mi' } }, 750, 248 * mebi);
test(
  'what the pod itself asks for goes before its containers, each resource by itself',
  counted,
  { containers: [app], resources: { requests: { cpu: '3' } }, overhead: { cpu: '250m' } },
  3250,
  128 * mebi,
);
const resized = { containers: [app] };
const running = {
  containerStatuses: [{ name: 'app', resources: { requests: { cpu: '2', memory: '128Mi' } }, allocatedResources: { cpu: '1500m', memory: '128Mi' } }],
};
test('a pod that is being made smaller still counts for what it has', counted, resized, 2000, 128 * mebi, running);
const infeasible = {
  containerStatuses: [{ name: 'app', resources: { requests: { cpu: '250m', memory: '64Mi' } } }],
  conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }],
};
test('what cannot be given does not count', counted, resized, 250, 64 * mebi, infeasible);
test('a pod that asks for nothing counts for nothing', counted, { containers: [{ name: 'app' }] }, 0, 0);

const boundPod = (more: { readonly spec?: object; readonly status?: object; readonly metadata?: object } = {}): object => ({
  metadata: {
    namespace: 'shop',
    name: 'web-5d9c-x1',
    uid: 'u1',
    labels: { app: 'web', 'pod-template-hash': '5d9c' },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d9c', uid: 'r1', controller: true, blockOwnerDeletion: true }],
    ...more.metadata,
  },
  spec: { nodeName: 'n1', schedulerName: 'default-scheduler', containers: [app], ...more.spec },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [{ name: 'app', restartCount: 0 }], ...more.status },
});

test('a bound pod is trimmed to what counts for its node', (t) => {
  t.deepEqual(boundPodView(boundPod()), {
    namespace: 'shop',
    name: 'web-5d9c-x1',
    uid: 'u1',
    owner: { kind: 'ReplicaSet', name: 'web-5d9c', uid: 'r1' },
    revision: '5d9c',
    nodeName: 'n1',
    requests: { cpu: 0.5, memory: 128 * mebi },
    ready: true,
    hasRestarted: false,
    deleting: false,
    finished: false,
  });
  const crashing = { conditions: [{ type: 'Ready', status: 'False' }], containerStatuses: [{ name: 'app', restartCount: 3 }] };
  t.like(boundPodView(boundPod({ status: crashing })), { ready: false, hasRestarted: true });
  t.true(boundPodView(boundPod({ status: { phase: 'Succeeded' } })).finished);
  t.is(boundPodView(boundPod({ metadata: { labels: { 'controller-revision-hash': 'web-77' } } })).revision, 'web-77');
});

test('the images of a pod are those of all its containers, each once', (t) => {
  t.deepEqual(podImages({ spec: { containers: [{ image: 'app' }, { image: 'app' }, {}], initContainers: [{ image: 'ghcr.io/a/init:1' }] } }), [
    'ghcr.io/a/init:1',
    'docker.io/library/app:latest',
  ]);
});

test('pods of one template share what they ask for and whose they are', (t) => {
  const [one, other] = [boundPodView(structuredClone(boundPod())), boundPodView(structuredClone(boundPod({ metadata: { uid: 'u2' } })))];
  t.is(one.requests, other.requests);
  t.is(boundPodView(structuredClone(boundPod())).owner, one.owner);
});

/** Any JSON under the names that the mappers look for. */
const odd = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, 0, -1, 1e300, '', 'x', '2Gi', '@', '/:'),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(
    fc.constantFrom(
      ...[
        'metadata',
        'spec',
        'status',
        'labels',
        'containers',
        'initContainers',
        'containerStatuses',
        'name',
        'image',
        'images',
        'names',
        'resources',
        'requests',
      ],
      ...['cpu', 'memory', 'overhead', 'restartPolicy', 'allocatable', 'allocatedResources', 'taints', 'key', 'effect', 'conditions', 'type', '__proto__'],
    ),
    tie('value'),
    { maxKeys: 8 },
  ),
})).value;

test('both views take any JSON, and every amount is a number from 0 on', (t) => {
  fc.assert(
    fc.property(odd, (raw) => {
      const [view, pod] = [nodeView(raw), boundPodView(raw)];
      for (const amount of [...Object.values<number>({ ...view.allocatable }), pod.requests.cpu, pod.requests.memory]) t.true(amount >= 0);
      t.deepEqual(Object.keys(pod).sort(), Object.keys(boundPodView({})).sort());
      for (const image of view.images) t.is(imageName(image), image);
    }),
  );
});

test.serial('500 nodes that each name 50 of 200 images take less than 2 KB each', async (t) => {
  const images = Array.from({ length: 200 }, (_, index) => [
    `registry.example.com/team-${index}/service@sha256:${String(index).padStart(64, '0')}`,
    `registry.example.com/team-${index}/service:${index}.0.1`,
  ]);
  const text = (index: number): string =>
    JSON.stringify(
      node(
        `node-${index}`,
        Array.from({ length: 50 }, (_, image) => images[(index * 7 + image * 3) % 200] ?? []),
      ),
    );
  const before = await liveBytes();
  const views: NodeView[] = [];
  for (let index = 0; index < 500; index++) views.push(nodeView(JSON.parse(text(index))));
  const each = ((await liveBytes()) - before) / views.length;
  t.log(`${Math.round(each)} bytes`);
  t.true(each < 2_000, `${Math.round(each)} bytes`);
});
