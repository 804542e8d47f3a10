import anyTest, { type TestFn } from 'ava';
import { annotation } from '../../core/index.ts';
import { resources } from '../../kube/index.ts';
import {
  accepting,
  createPod,
  isReady,
  logsOf,
  node,
  pause,
  portOf,
  processesWith,
  server,
  startMachine,
  stateOf,
  until,
  untilGone,
  untilNoProcess,
  type Machine,
} from './testing.ts';

const test = anyTest as TestFn<Machine>;

test.before(async (t) => {
  t.context = await startMachine();
});
test.after.always(async (t) => {
  await t.context.close();
});

test('a pod runs its command, is reached on the port it was given, and has the status that a kubelet writes', async (t) => {
  const { api } = t.context;
  const created = await createPod(api, [node(server(), { ports: [{ name: 'http', containerPort: 8080 }] })]);
  const pod = await until(api, created, isReady);
  const port = portOf(pod, '8080');
  await accepting(port);
  t.is(await (await fetch(`http://127.0.0.1:${port}`)).text(), 'ok');
  t.like(pod.status, { phase: 'Running', podIP: '127.0.0.1', hostIP: '127.0.0.1' });
  t.like(stateOf(pod), { name: 'app', ready: true, started: true, restartCount: 0, image: 'example/app' });
  t.truthy(stateOf(pod)?.state?.running?.startedAt);
  t.deepEqual(
    pod.status?.conditions?.map(({ type, status }) => `${type}=${status}`),
    ['PodReadyToStartContainers=True', 'Initialized=True', 'Ready=True', 'ContainersReady=True', 'PodScheduled=True'],
  );
});

test('deleting sends SIGTERM, waits for the program to end, and says how it ended before the pod goes', async (t) => {
  const { api } = t.context;
  const program = `process.on('SIGTERM',()=>{console.log('draining');setTimeout(()=>process.exit(0),100)});setInterval(()=>0,1000);console.log('up')`;
  const created = await createPod(api, [node(program)]);
  const log = logsOf(t.context, await until(api, created, isReady), { follow: true });
  while (!(await logsOf(t.context, created)).includes('up')) await pause();
  const ended = until(api, created, (pod) => pod.status?.phase === 'Succeeded');
  await api.delete(resources.pods, 'default', created.metadata.name, {}, 'test');
  const pod = await ended;
  t.like(stateOf(pod)?.state?.terminated, { exitCode: 0, reason: 'Completed' });
  t.false(isReady(pod));
  await untilGone(api, created);
  t.is(await log, 'up\ndraining\n');
});

test('between the deletion and SIGTERM lies a notice, also where the pod is changed meanwhile', async (t) => {
  const { api } = t.context;
  const program = `process.on('SIGTERM',()=>{console.log(Date.now());process.exit(0)});setInterval(()=>0,1000);console.log('up')`;
  const created = await createPod(api, [node(program)]);
  const log = logsOf(t.context, await until(api, created, isReady), { follow: true });
  while (!(await logsOf(t.context, created)).includes('up')) await pause();
  const since = Date.now();
  await api.delete(resources.pods, 'default', created.metadata.name, {}, 'test');
  const pod = api.get(resources.pods, 'default', created.metadata.name);
  if (pod === undefined) throw new Error('it has to be there until it has ended');
  await api.update(resources.pods, { ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, changed: 'yes' } } }, 'test');
  await untilGone(api, created);
  const at = Number((await log).trim().split('\n').at(-1));
  t.true(at - since >= 95, `SIGTERM came after ${at - since} ms`);
});

test('a program that ignores SIGTERM is killed with its whole group when the grace period is over', async (t) => {
  const { api } = t.context;
  const mark = `stubborn-${process.pid}`;
  const child = `require('child_process').spawn(process.execPath,['-e','process.on("SIGTERM",()=>0);setInterval(()=>0,1000);console.log("up")//${mark}'],{stdio:'inherit'})`;
  const created = await createPod(api, [node(`process.on('SIGTERM',()=>0);${child};setInterval(()=>0,1000)//${mark}`)], { terminationGracePeriodSeconds: 1 });
  await until(api, created, isReady);
  // By then both ignore it.
  while (!(await logsOf(t.context, created)).includes('up')) await pause();
  t.true(processesWith(mark).length >= 2);
  const ended = until(api, created, (pod) => pod.status?.phase === 'Failed');
  const since = Date.now();
  await api.delete(resources.pods, 'default', created.metadata.name, {}, 'test');
  t.like(stateOf(await ended)?.state?.terminated, { exitCode: 137, reason: 'Error' });
  t.true(Date.now() - since >= 950);
  await untilNoProcess(mark);
  t.pass();
});

test('a force-deleted pod has its processes killed at once', async (t) => {
  const { api } = t.context;
  const mark = `forced-${process.pid}`;
  const created = await createPod(api, [node(`process.on('SIGTERM',()=>0);setInterval(()=>0,1000)//${mark}`)]);
  await until(api, created, isReady);
  while (processesWith(mark).length < 1) await pause();
  await api.delete(resources.pods, 'default', created.metadata.name, { gracePeriodSeconds: 0 }, 'test');
  t.is(api.get(resources.pods, 'default', created.metadata.name), undefined);
  await untilNoProcess(mark);
});

test('a program that crashes is restarted at once, then backs off with CrashLoopBackOff; its last words stay as previous', async (t) => {
  const { api } = t.context;
  const created = await createPod(api, [node(`console.log('run');process.exit(3)`)]);
  const pod = await until(api, created, (one) => stateOf(one)?.state?.waiting?.reason === 'CrashLoopBackOff');
  t.is(stateOf(pod)?.restartCount, 1);
  t.regex(stateOf(pod)?.state?.waiting?.message ?? '', /^back-off 10s restarting failed container=app pod=pod-\d+_default\(/);
  t.like(stateOf(pod)?.lastState?.terminated, { exitCode: 3, reason: 'Error' });
  t.is(pod.status?.phase, 'Running');
  t.is(await logsOf(t.context, created, { previous: true }), 'run\n');
});

test('restartPolicy decides what comes after the end', async (t) => {
  const { api } = t.context;
  const well = await createPod(api, [node('0')], { restartPolicy: 'OnFailure' });
  const badly = await createPod(api, [node('process.exit(2)')], { restartPolicy: 'Never' });
  t.like(stateOf(await until(api, well, (pod) => pod.status?.phase === 'Succeeded'))?.state?.terminated, { exitCode: 0, reason: 'Completed' });
  const failed = await until(api, badly, (pod) => pod.status?.phase === 'Failed');
  t.like(stateOf(failed)?.state?.terminated, { exitCode: 2, reason: 'Error' });
  t.like(
    failed.status?.conditions?.find(({ type }) => type === 'Ready'),
    { status: 'False', reason: 'PodFailed' },
  );
});

test('a command that does not exist, and a directory that does not, are named', async (t) => {
  const { api } = t.context;
  const message = async (container: Parameters<typeof node>[1]): Promise<string> => {
    const created = await createPod(api, [node('0', container)]);
    const pod = await until(api, created, (one) => stateOf(one)?.state?.waiting?.reason === 'RunContainerError');
    t.like(stateOf(pod)?.lastState?.terminated, { exitCode: 128, reason: 'StartError' });
    return stateOf(pod)?.state?.waiting?.message ?? '';
  };
  t.is(await message({ command: ['no-such-program', 'x'] }), 'cannot start command "no-such-program": executable file not found in $PATH');
  t.is(await message({ workingDir: '/no/such/dir' }), 'cannot start command "node": working directory "/no/such/dir" does not exist');
  t.is(await message({ command: ['/etc/passwd'] }), 'cannot start command "/etc/passwd": permission denied');
});

test('a container without a command says that images are not pulled here, and its pod can be deleted', async (t) => {
  const { api } = t.context;
  const created = await createPod(api, [{ name: 'app', image: 'nginx:1.27' }]);
  const pod = await until(api, created, (one) => stateOf(one)?.state?.waiting?.reason === 'ImagePullBackOff');
  t.is(stateOf(pod)?.state?.waiting?.message, `local mode runs a container's command, image "nginx:1.27" is not pulled: give container "app" a command`);
  await api.delete(resources.pods, 'default', created.metadata.name, {}, 'test');
  await untilGone(api, created);
  t.pass();
});

test('a missing ConfigMap holds the container with CreateContainerConfigError', async (t) => {
  const { api } = t.context;
  const created = await createPod(api, [node('0', { envFrom: [{ configMapRef: { name: 'absent' } }] })]);
  const pod = await until(api, created, (one) => stateOf(one)?.state?.waiting?.reason === 'CreateContainerConfigError');
  t.is(stateOf(pod)?.state?.waiting?.message, 'configmap "absent" not found');
});

test('environment, arguments and directory reach the program', async (t) => {
  const { api } = t.context;
  await api.create(resources.configMaps, { metadata: { name: 'settings', namespace: 'default' }, data: { COLOR: 'blue' } }, 'test');
  await api.create(
    resources.secrets,
    { metadata: { name: 'login', namespace: 'default' }, data: { password: Buffer.from('geheim').toString('base64') } },
    'test',
  );
  const program = `console.log(JSON.stringify([process.env.COLOR,process.env.SECRET,process.env.NAME,process.argv[1],process.cwd(),process.env.HOSTNAME,process.env.USER]))`;
  const created = await createPod(
    api,
    [
      node(program, {
        args: ['--', '--port=$(PORT)'],
        workingDir: '/tmp',
        envFrom: [{ configMapRef: { name: 'settings' } }],
        env: [
          { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'login', key: 'password' } } },
          { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        ],
      }),
    ],
    { restartPolicy: 'Never' },
  );
  const pod = await until(api, created, (one) => one.status?.phase === 'Succeeded');
  const { name } = pod.metadata;
  t.deepEqual(JSON.parse(await logsOf(t.context, created)), ['blue', 'geheim', name, `--port=${portOf(pod)}`, '/tmp', name, null]);
});

test('init containers run one after the other before the others, and a sidecar before them too', async (t) => {
  const { api } = t.context;
  const init = (name: string, program: string) => node(program, { name });
  const created = await createPod(api, [node(server())], {
    initContainers: [
      init('first', `setTimeout(()=>console.log('first'),100)`),
      { ...init('side', 'setInterval(()=>0,1000)'), restartPolicy: 'Always' },
      init('second', `console.log('second')`),
    ],
  });
  const pending = await until(api, created, (pod) => pod.status?.initContainerStatuses?.[0]?.state?.running !== undefined);
  t.is(pending.status?.phase, 'Pending');
  t.is(stateOf(pending)?.state?.waiting?.reason, 'PodInitializing');
  const pod = await until(api, created, isReady);
  const [first, side, second] = pod.status?.initContainerStatuses ?? [];
  t.is(first?.state?.terminated?.reason, 'Completed');
  t.truthy(side?.state?.running);
  t.true((second?.state?.terminated?.startedAt ?? '') >= (first?.state?.terminated?.finishedAt ?? 'x'));
  await api.delete(resources.pods, 'default', created.metadata.name, {}, 'test');
  await untilGone(api, created);
});

test('readiness follows the probe, also while the pod ends', async (t) => {
  const { api } = t.context;
  const program = `let up=true;process.on('SIGUSR2',()=>{up=false});process.on('SIGTERM',()=>setTimeout(()=>process.exit(0),1500));require('http').createServer((q,r)=>{r.statusCode=up?200:503;r.end();if(q.url==='/down')up=false}).listen(process.env.PORT)`;
  const created = await createPod(api, [
    node(program, {
      ports: [{ name: 'http', containerPort: 80 }],
      readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1, failureThreshold: 1 },
    }),
  ]);
  const pod = await until(api, created, isReady);
  await fetch(`http://127.0.0.1:${portOf(pod, '80')}/down`);
  t.like(stateOf(await until(api, created, (one) => !isReady(one))), { ready: false, restartCount: 0 });
  await api.delete(resources.pods, 'default', created.metadata.name, {}, 'test');
  await untilGone(api, created);
});

test('a pod that others call not ready, as controllers do while its node is silent, is ready again at once', async (t) => {
  const { api } = t.context;
  const created = await createPod(api, [node(server())]);
  const pod = await until(api, created, isReady);
  const conditions = (pod.status?.conditions ?? []).map((condition) => (condition.type === 'Ready' ? { ...condition, status: 'False' as const } : condition));
  const { metadata } = await api.update(resources.pods, { ...pod, status: { ...pod.status, conditions } }, 'node-controller', 'status');
  const after = await until(api, created, isReady);
  t.not(after.metadata.resourceVersion, metadata.resourceVersion);
});

test('a failing liveness probe restarts the container, and a failing startup probe too', async (t) => {
  const { api } = t.context;
  const failing = { exec: { command: ['node', '-e', 'process.exit(1)'] }, periodSeconds: 1, failureThreshold: 1 };
  const live = await createPod(api, [node('setInterval(()=>0,1000)', { livenessProbe: { ...failing, initialDelaySeconds: 1 } })]);
  const never = await createPod(api, [node('setInterval(()=>0,1000)', { startupProbe: failing, readinessProbe: { tcpSocket: { port: 1 } } })]);
  const [one, other] = await Promise.all([live, never].map((pod) => until(api, pod, (seen) => stateOf(seen)?.restartCount === 1)));
  t.like(stateOf(one!)?.lastState?.terminated, { exitCode: 143, reason: 'Error' });
  t.false(stateOf(other!)?.started);
  const isTold = (): boolean =>
    api
      .list(resources.events, 'default')
      .some(
        ({ involvedObject, reason, message }) =>
          involvedObject.uid === live.metadata.uid && reason === 'Unhealthy' && message?.startsWith('Liveness probe failed') === true,
      );
  // Events are written when there is time for it.
  while (!isTold()) await pause();
});

test('preStop runs before SIGTERM, within the grace period', async (t) => {
  const { api } = t.context;
  const created = await createPod(api, [
    node(
      `process.on('SIGTERM',()=>{console.log('term');process.exit(0)});require('http').createServer((q,r)=>{console.log('hook '+q.url);r.end()}).listen(process.env.PORT,()=>console.log('up'))`,
      {
        ports: [{ containerPort: 80 }],
        lifecycle: { preStop: { httpGet: { path: '/bye', port: 80 } } },
      },
    ),
  ]);
  const pod = await until(api, created, isReady);
  await accepting(portOf(pod, '80'));
  const log = logsOf(t.context, created, { follow: true });
  await api.delete(resources.pods, 'default', created.metadata.name, {}, 'test');
  await untilGone(api, created);
  t.is(await log, 'up\nhook /bye\nterm\n');
});

test('what a container leaves behind in a session of its own is ended with it', async (t) => {
  if (process.platform !== 'linux') {
    t.pass('needs /proc');
    return;
  }
  const { api } = t.context;
  const mark = `daemon-${process.pid}`;
  const daemon = `require('child_process').spawn(process.execPath,['-e','setInterval(()=>0,1000)//${mark}'],{detached:true,stdio:'ignore'}).unref()`;
  const created = await createPod(api, [node(`${daemon};setTimeout(()=>0,300)`)], { restartPolicy: 'Never' });
  await until(api, created, (pod) => pod.status?.phase === 'Succeeded');
  await untilNoProcess(mark);
  t.pass();
});

test('the node is registered, ready and holds a lease', (t) => {
  const { api } = t.context;
  const found = api.get(resources.nodes, undefined, 'local');
  t.like(
    found?.status?.conditions?.find(({ type }) => type === 'Ready'),
    { status: 'True', reason: 'KubeletReady' },
  );
  t.is(found?.status?.capacity?.['pods'], '250');
  t.like(api.get(resources.leases, 'kube-node-lease', 'local')?.spec, { holderIdentity: 'local', leaseDurationSeconds: 40 });
});

test('the annotation of allotted ports is there as soon as the pod has its address', async (t) => {
  const { api } = t.context;
  const created = await createPod(api, [node(server())]);
  const pod = await until(api, created, (one) => one.status?.podIP !== undefined);
  t.truthy(pod.metadata.annotations?.[annotation.localPorts]);
});
