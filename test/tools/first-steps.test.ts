import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { codeBlocks } from '../support/document.ts';
import { startBrowser } from '../support/browser.ts';
import { freePort } from '../support/free-port.ts';
import { dashboardQueries } from '../support/monitoring-queries.ts';
import type { ClassicDashboard } from '../../grafana/src/dashboard.ts';
import { until } from '../support/until.ts';

const root = join(import.meta.dirname, '..', '..');

/** A block of the page as a shell runs it in a clone, with the project's own Node. */
interface Shell {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly output: () => string;
}

test('docs/first-steps.md, step by step: the demo, its page in a browser, the questions, a Prometheus with what the dashboard asks', async (t) => {
  t.timeout(180_000);
  const blocks = codeBlocks(await readFile(join(root, 'docs', 'first-steps.md'), 'utf8'));
  const block = (named: string): string => blocks.find(({ name }) => name === named)?.text ?? t.fail(`no block ${named}`);
  const directory = await mkdtemp(join(tmpdir(), 'rouse-first-steps-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const port = await freePort();
  /** Ports of its own: others may run beside. */
  const env = { ROUSE_API_PORT: '0', ROUSE_GATEWAY_PORT: '0', ROUSE_METRICS_PORT: String(port), npm_config_update_notifier: 'false' };
  const shell = (text: string, cwd: string, more: Readonly<Record<string, string>> = {}): Shell => {
    const path = `${join(root, 'node_modules', '.bin')}:${dirname(process.execPath)}:${process.env.PATH ?? ''}`;
    const child = spawn('bash', ['-euo', 'pipefail', '-c', text], { cwd, env: { ...process.env, ...env, PATH: path, ...more }, detached: true });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (said = (said + chunk).slice(-32_768)));
    const ended = once(child, 'close').then(([code]) => code as number | null);
    t.teardown(async () => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
      await ended;
    });
    return { child, ended, output: () => said };
  };

  // Before the demo, which lasts so many seconds by the clock: what is asked of it is asked meanwhile.
  const browser = await startBrowser(t, 170_000);
  const demo = shell(block('demo'), root);
  const printed = (pattern: RegExp): Promise<string> => until(String(pattern), () => pattern.exec(demo.output())?.[1], 60_000, demo.output);
  const [page, kubeconfig] = [await printed(/^ {2}page +(http\S+)$/m), await printed(/export KUBECONFIG=(\S+)/)];
  await browser.open(page);
  await browser.until("/hello/.test(document.querySelector('#workloads tbody')?.innerText ?? '')");

  await browser.evaluate("location.hash = '#/default/hello'");

  await writeFile(join(directory, 'prometheus.yml'), block('prometheus.yml').replace('9090', String(port)));
  const prometheusPort = await freePort();
  const begun = Date.now() / 1000;
  const prometheus = shell(block('prometheus').replace('9099', String(prometheusPort)), directory);
  await printed(/(first byte after \d+ ms)/);

  // Again where the controller has answered much lately, as one on a slow machine soon has while its page is open.
  const asked = await until('it answers', async () => {
    const asking = shell(block('ask'), root, { KUBECONFIG: kubeconfig });
    await asking.ended;
    const [, wait] = /answered much lately: ask again in (\d+) s/.exec(asking.output()) ?? [];
    if (wait !== undefined) await sleep(Number(wait) * 1000);
    return wait === undefined && asking;
  });
  t.is(await asked.ended, 0, asked.output());
  t.regex(asked.output(), /^NAME +PHASE +READY[^]*^hello +\S+[^]*^default\/hello \(deployments\.apps\)[^]*^What would change it$/m);

  await browser.until("/first byte after/.test(document.getElementById('wakes').innerText) && /0 → 1/.test(document.getElementById('decisions').innerText)");

  const dashboard = JSON.parse(await readFile(join(root, 'grafana', 'dashboards', 'workload.json'), 'utf8')) as ClassicDashboard;
  const [ready] = dashboardQueries('workload.json', dashboard).filter(({ expr }) => expr.includes('rouse_ready_pods'));
  const expr = (ready?.expr ?? '').replaceAll('$namespace', 'default').replaceAll('$workload', 'hello').replaceAll('$__rate_interval', '15s');
  // Since it began: when the demo is over, what was scraped is no figure of now any more.
  const figures = async (): Promise<boolean> => {
    const query = new URLSearchParams({ query: expr, start: String(begun), end: String(Date.now() / 1000), step: '1' });
    const answer = await fetch(`http://127.0.0.1:${prometheusPort}/api/v1/query_range?${query.toString()}`).catch(() => undefined);
    if (answer?.ok !== true) return false;
    return ((await answer.json()) as { readonly data: { readonly result: readonly unknown[] } }).data.result.length > 0;
  };
  await until(`Prometheus answers ${expr}`, figures, 40_000, () => [prometheus.output(), demo.output()]);
  t.is(await demo.ended, 0, demo.output());
  t.regex(demo.output(), /^ {2}requests failed +0$/m);
  await browser.until("document.getElementById('connection').textContent.startsWith('The controller does not answer')");

  const validated = shell(block('validate'), root);
  t.is(await validated.ended, 0, validated.output());
});
