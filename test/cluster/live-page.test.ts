import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { fetch as fetchFrom } from 'undici';
import { deployment, onboarded, service } from '../support/app.ts';
import { startBrowser } from '../support/browser.ts';
import { codeBlocks } from '../support/document.ts';
import { kubectlBinary } from '../support/real-kubectl.ts';
import { until } from '../support/until.ts';
import { clusterLoad } from './harness/cluster-load.ts';
import { clusterOf, type Cluster } from './harness/cluster.ts';
import { install } from './harness/installed.ts';
import { rouseFromShell } from './harness/rouse-from-shell.ts';

const document = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'live-page.md'), 'utf8');

/** The account and the right that the page describes, and a token by the command that it gives. */
const viewerToken = async (cluster: Cluster): Promise<string> => {
  const blocks = codeBlocks(document);
  const manifest = blocks.find(({ language }) => language === 'yaml')?.text ?? '';
  await cluster.kubectl(['apply', '-f', '-'], { stdin: manifest });
  const command = /^kubectl (.* create token .*)$/m.exec(blocks.map(({ text }) => text).join('\n'))?.[1]?.split(' ') ?? [];
  return (await cluster.kubectl(command)).trim();
};

test.serial('the live page of a real cluster is for who holds the token and the right that docs/live-page.md shows, and for nobody else', async (t) => {
  const cluster = await clusterOf(t);
  const rouse = await rouseFromShell(t, cluster);
  const controller = await rouse.startController('10.77.200.10');
  const [, metrics = ''] = await controller.line(/^ready: .*metrics=(\S+)/);
  const token = await viewerToken(cluster);
  const look = async (bearer: string | undefined): Promise<{ readonly status: number; readonly text: string }> => {
    const headers: Record<string, string> = bearer === undefined ? {} : { 'rouse-authorization': `Bearer ${bearer}` };
    const answer = await fetch(new URL('/ui/live', metrics), { headers });
    if (answer.status !== 200) return { status: answer.status, text: await answer.text() };
    const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = answer.body?.getReader();
    const first = await reader?.read();
    await reader?.cancel();
    return { status: 200, text: new TextDecoder().decode(first?.value) };
  };
  await until('the Role is in force', async () => (await look(token)).status === 200, 10_000);
  t.regex((await look(token)).text, /^event: happened\n/);
  t.is((await look(undefined)).status, 401);
  t.is((await look('nonsense')).status, 401);
  const forApiServer = (await cluster.kubectl(['-n', 'rouse-system', 'create', 'token', 'rouse-viewer'])).trim();
  t.is((await look(forApiServer)).status, 401, 'a token that the API server would take');
  const other = (await cluster.kubectl(['-n', 'rouse-system', 'create', 'token', 'default', '--audience', 'rouse-page'])).trim();
  const refused = await look(other);
  t.is(refused.status, 403);
  t.regex(refused.text, /system:serviceaccount:rouse-system:default may not get services\/proxy/);
  t.is((await fetch(new URL('/ui/', metrics))).status, 200);
});

test.serial(
  'through the real kubectl proxy and the API server, Rouse being pods: the page in Chromium for who has the right that the docs show, as things happen',
  async (t) => {
    t.timeout(240_000);
    const cluster = await clusterOf(t);
    const [namespace] = await Promise.all([cluster.namespace(t), install(t, cluster)]);
    const token = await viewerToken(cluster);
    await cluster.api('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, deployment('web', { namespace, annotations: onboarded }));
    const { body } = await cluster.api('POST', `/api/v1/namespaces/${namespace}/services`, service('web', namespace));
    const { clusterIP } = (body as unknown as { readonly spec: { readonly clusterIP: string } }).spec;

    const proxyOf = async (user: string): Promise<string> => {
      const proxy = cluster.kubectl.follow(['--kubeconfig', await cluster.kubeconfig(user), 'proxy', '--port=0']);
      t.teardown(() => proxy.stop());
      return until(
        'kubectl proxy serves',
        () => /^Starting to serve on (\S+)$/.exec(proxy.lines[0] ?? '')?.[1],
        10_000,
        () => proxy.lines,
      );
    };
    const path = /<http:\/\/localhost:8001(\/api\/v1\/\S+\/proxy\/ui\/)>/.exec(document)?.[1] ?? t.fail('the docs say no path');
    const viewer = `http://${await proxyOf('system:serviceaccount:rouse-system:rouse-viewer')}${path}`;
    t.is((await fetch(`http://${await proxyOf('nobody')}${path}`)).status, 403, 'the API server asks before we do');
    await until('the API server leads to the page', async () => (await fetch(viewer)).status === 200, 10_000);

    const browser = await startBrowser(t, 200_000);
    await browser.open(viewer);
    await browser.until("document.activeElement?.id === 'token'");
    await browser.evaluate(`document.getElementById('token').value = ${JSON.stringify(token)}; document.querySelector('#login form').requestSubmit()`);
    const row = `document.querySelector('tr[data-name="${namespace}/web"]')`;
    await browser.until(`document.getElementById('connection').textContent === 'Live' && ${row}?.innerText.includes('asleep')`);
    const wake = async (): Promise<boolean> =>
      (await fetchFrom(`http://${clusterIP}/`, { signal: AbortSignal.timeout(30_000) }).catch(() => undefined))?.status === 200;
    await until('it is woken', wake, 60_000);
    // It stays awake until the page, which may be slow, has shown it so.
    const load = clusterLoad(clusterIP, { clients: 1 });
    t.teardown(() => load.stop());
    await browser.until("/web first byte after \\d+ ms/.test(document.getElementById('feed').innerText)");
    await browser.until(`/active/.test(${row}.innerText)`);
    await load.stop();
    t.is(await browser.evaluate("document.getElementById('connection').textContent"), 'Live', 'one of two replicas leads, and the page has found it');
    await browser.evaluate(`location.hash = '#/${namespace}/web'`);
    await browser.until("document.querySelectorAll('#wakes tbody tr').length === 5");
    await browser.evaluate("document.getElementById('explain').click()");
    await browser.until("document.getElementById('explanation').textContent.includes('From the load to the count')");
    t.deepEqual(
      browser.complaints.filter((complaint) => !complaint.includes('status of 401')),
      [],
    );

    // The kubelet of these tests has no port-forward: what can be shown is that the command names the pod that leads.
    const named = /"pod\/\$\((kubectl .*)\)"/.exec(codeBlocks(document).find(({ name }) => name === 'leader')?.text ?? '')?.[1] ?? t.fail('no command');
    const tools = `kubectl() { ${await kubectlBinary()} --cache-dir ${join(cluster.directory, 'kubectl-cache')} "$@"; }; `;
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', tools + named], {
      env: { KUBECONFIG: await cluster.kubeconfig('admin'), KUBECACHEDIR: join(cluster.directory, 'kubectl-cache'), PATH: process.env.PATH },
    });
    const pod = (await cluster.api('GET', `/api/v1/namespaces/rouse-system/pods/${stdout.trim()}`)).body as unknown as {
      readonly status: { readonly podIP: string };
    };
    t.is((await fetch(`http://${pod.status.podIP}:9090/ui/`)).headers.get('rouse-leads'), 'true', stdout);
    t.false((await readFile(join(cluster.directory, 'audit.log'), 'utf8')).includes(token), 'the token is no part of any address');
  },
);
