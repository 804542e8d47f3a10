import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { PageAccess } from '../../src/api/index.ts';
import { systemClock } from '../../src/core/index.ts';
import { startManyWorkloads } from '../bench/live-page/start.ts';
import { deployment, service } from '../support/app.ts';
import { axeViolations } from '../support/axe.ts';
import { startBrowser, type Browser } from '../support/browser.ts';
import { freePort } from '../support/free-port.ts';
import { liveWorkload, servePage } from '../support/page-scene.ts';
import { startRouse, type RouseProcess } from '../support/rouse-process.ts';
import { until } from '../support/until.ts';

const images = join(import.meta.dirname, '..', '..', 'docs', 'images');
/** `UPDATE_SCREENSHOTS=1`: the pictures of docs/ are made anew, with a minute of load in them. */
const makesPictures = process.env['UPDATE_SCREENSHOTS'] === '1';

const desk = { width: 1280, height: 800 } as const;
const rows = "[...document.querySelectorAll('#workloads tbody tr')]";
const rowOf = (name: string): string => `document.querySelector('tr[data-name="${name}"]')`;
const connection = "document.getElementById('connection').textContent";
const focused = 'document.activeElement?.textContent';

/** A real `rouse local` with these workloads. */
const startLocal = async (
  t: ExecutionContext,
  names: readonly string[],
  metricsPort: number,
): Promise<{ readonly rouse: RouseProcess; readonly url: string }> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-page-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const annotations = { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '12s', 'rouse.dev/target': '4', 'rouse.dev/max-scale': '6' };
  const objects = names.flatMap((name) => [deployment(name, { annotations }), service(name)]);
  const file = join(directory, 'apps.yaml');
  await writeFile(file, objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  const given = names.length === 0 ? [] : ['-f', file];
  const rouse = startRouse(['local', ...given, '--api-port', '0', '--gateway-port', '0', '--metrics-port', String(metricsPort)]);
  t.teardown(() => rouse.stop());
  await rouse.line(/^ready: /);
  return { rouse, url: `http://localhost:${String(metricsPort)}/` };
};

const appUrl = async (rouse: RouseProcess, name: string): Promise<string> => (await rouse.line(new RegExp(`${name}: (http://127\\S+)`)))[1] ?? '';

const explanation = "document.getElementById('explanation').textContent";
/** Asks, and asks again where the controller has answered much lately, as one on a slow machine soon has. */
const isExplained = async (browser: Browser): Promise<unknown> =>
  until('it is explained', async () => {
    await browser.evaluate("document.getElementById('explain').click()");
    await browser.until(`${explanation} !== 'Working it out …'`);
    const answer = String(await browser.evaluate(explanation));
    const [, wait] = /answered much lately: ask again in (\d+) s/.exec(answer) ?? [];
    if (wait !== undefined) await sleep(Number(wait) * 1000);
    return answer.includes('From the load to the count');
  });

/** Nothing that axe-core finds, in either colour scheme; nothing that the browser complains of, but for being told to ask again. */
const isClean = async (t: ExecutionContext, browser: Browser, what: string): Promise<void> => {
  for (const scheme of ['dark', 'light'] as const) {
    await browser.show({ ...desk, scheme });
    t.deepEqual(await axeViolations(browser), [], `${what}, ${scheme}`);
  }
  t.deepEqual(
    browser.complaints.filter((complaint) => !complaint.includes('status of 429')),
    [],
    what,
  );
};

test.serial(
  'the page of a real rouse local: rows, a wake as it happens, the story of a workload, by keyboard alone; it says when the controller is gone, and goes on when it is back',
  async (t) => {
    t.timeout(makesPictures ? 480_000 : 240_000);
    const port = await freePort();
    const [{ rouse, url }, browser] = await Promise.all([startLocal(t, ['hello', 'reports', 'shop'], port), startBrowser(t, 400_000)]);
    await browser.show({ ...desk, scheme: 'light' });
    await browser.open(url);
    await browser.until(`${rows}.length === 3 && ${connection} === 'Live'`);
    await browser.until(`${rowOf('default/hello')}.innerText.includes('asleep')`);
    t.is(await browser.evaluate("document.getElementById('count').textContent"), '3 workloads');

    const apps = await Promise.all(['hello', 'shop'].map((name) => appUrl(rouse, name)));
    t.is((await fetch(apps[0] ?? '')).status, 200);
    await browser.until("document.getElementById('feed').innerText.includes('0 → 1: a request is waiting')");
    await browser.until("/default\\/hello first byte after \\d+ ms/.test(document.getElementById('feed').innerText)");
    await browser.until(`/active/.test(${rowOf('default/hello')}.innerText)`);
    await isClean(t, browser, 'the list');
    if (makesPictures) await playLoad(apps);
    if (makesPictures) await picture(browser, 'live-page-list');

    // By keyboard: to the filter, then to the row, into the story and back.
    await browser.press('/');
    t.is(await browser.evaluate('document.activeElement.id'), 'filter');
    for (const key of 'hel') await browser.press(key);
    await browser.until(`${rows}.length === 1`);
    for (let presses = 0; presses < 20 && (await browser.evaluate(focused)) !== 'default/hello'; presses++) await browser.press('Tab');
    t.is(await browser.evaluate(focused), 'default/hello');
    await browser.press('Enter');
    await browser.until("location.hash === '#/default/hello' && document.querySelector('#wakes caption') !== null");
    t.is(await browser.evaluate("document.getElementById('story-title').textContent"), 'default/hello');
    t.deepEqual(await browser.evaluate("[...document.querySelectorAll('.wake:first-child tbody th')].map((th) => th.textContent)"), [
      'decide',
      'schedule',
      'start',
      'ready',
      'forward',
    ]);
    t.true(
      await browser.evaluate(
        "[...document.querySelectorAll('#decisions li')].some((li) => li.textContent.includes('0 → 1: a request is waiting wake-request'))",
      ),
    );
    t.regex(String(await browser.evaluate("document.querySelector('#pods-chart [role=img]').ariaLabel")), /^Chart .* desired \d, ready \d\./);
    t.true(Number(await browser.evaluate("document.querySelector('#load-chart canvas').width")) > 600);
    await browser.evaluate("document.querySelector('#figures summary').click()");
    await browser.until("document.querySelectorAll('#figures tbody tr').length > 2");
    await isExplained(browser);
    await isClean(t, browser, 'a story');
    if (makesPictures) {
      await browser.evaluate("document.querySelector('#figures summary').click()");
      await picture(browser, 'live-page');
      await picture(browser, 'live-page-dark', 'dark');
    }
    await browser.press('Escape');
    await browser.until(`location.hash === '#/?filter=hel' && ${focused} === 'default/hello'`);
    await browser.evaluate("location.hash = '#/?sort=ready&order=desc'");
    await browser.until(`${rows}.length === 3`);
    t.is(
      await browser.evaluate("document.querySelector('th[aria-sort]').textContent + ' ' + document.querySelector('th[aria-sort]').ariaSort"),
      'Ready descending',
    );
    // By name: pods that come or go change any other order meanwhile.
    await browser.evaluate("location.hash = '#/?order=desc'");
    await browser.until(`${rows}[0].dataset.name === 'default/shop'`);
    await browser.evaluate(`${rows}[0].querySelector('a').focus()`);
    await browser.press('ArrowDown');
    t.is(await browser.evaluate(focused), await browser.evaluate(`${rows}[1].querySelector('a').textContent`));

    await rouse.stop('SIGKILL');
    await browser.until(`/^The controller does not answer: trying again\\. What is shown is of \\d\\d:\\d\\d:\\d\\d\\.$/.test(${connection})`);
    t.is(await browser.evaluate(`${rows}.length`), 3, 'what was known last stays');
    t.deepEqual(await axeViolations(browser), [], 'the controller is gone');
    await startLocal(t, ['anew'], port);
    await browser.until(`${connection} === 'Live' && ${rows}.length === 1 && ${rowOf('default/anew')} !== null`);
  },
);

test.serial('where nothing is onboarded the page says how it is done; of a workload that is not, too', async (t) => {
  t.timeout(120_000);
  const [{ url }, browser] = await Promise.all([startLocal(t, [], await freePort()), startBrowser(t)]);
  await browser.open(url);
  await browser.until("/No workloads yet[^]*kubectl annotate deployment NAME rouse.dev\\/enabled=true/.test(document.getElementById('empty').innerText)");
  await isClean(t, browser, 'no workloads');
  await browser.evaluate("location.hash = '#/default/hello'");
  await browser.until("/default\\/hello is not onboarded/.test(document.getElementById('story').innerText)");
  await isClean(t, browser, 'an unknown workload');
});

test.serial('of 5,000 busy workloads that the real scaler looks after the first row is there within a second, and the next page too', async (t) => {
  t.timeout(180_000);
  const [many, browser] = await Promise.all([startManyWorkloads(), startBrowser(t, 170_000)]);
  t.teardown(() => many.stop());
  const url = `http://localhost:${many.port}/`;
  /** Of the controller, in ten seconds: five ticks, and what pages that are open get. */
  const cpuMs = async (): Promise<string> => {
    await many.took();
    await sleep(10_000);
    return (await many.took()).cpuMs.toFixed(0);
  };
  t.log(`ms of CPU in 10 s without a page: ${await cpuMs()}`);
  const took: number[] = [];
  for (let visit = 0; visit < 3; visit++) {
    await browser.open('about:blank');
    await browser.until("location.href === 'about:blank'");
    await browser.open(url);
    await browser.until(`${rows}.length === 50`);
    took.push(Number(await browser.evaluate("performance.getEntriesByName('first-row')[0].startTime")));
  }
  t.log(`ms from the address to the first row: ${took.map((ms) => ms.toFixed(0)).join(', ')}`);
  t.true(Math.min(...took) < 1000);
  t.is(await browser.evaluate("document.getElementById('count').textContent"), '1–50 of 5,000 workloads');
  const first = await browser.evaluate(`${rows}[0].dataset.name`);
  const begun = systemClock.monotonic();
  await browser.evaluate("document.getElementById('next').click()");
  await browser.until(`${rows}[0].dataset.name !== ${JSON.stringify(first)}`);
  t.log(`ms to the next page: ${(systemClock.monotonic() - begun).toFixed(0)}`);
  t.is(await browser.evaluate("document.getElementById('count').textContent"), '51–100 of 5,000 workloads');
  t.deepEqual(await axeViolations(browser), []);
  t.log(`ms of CPU in 10 s with a page that shows the list: ${await cpuMs()}`);
});

test.serial('in a cluster the page asks for a token and keeps it nowhere but in its memory', async (t) => {
  t.timeout(120_000);
  const check: Extract<PageAccess, { kind: 'token' }>['check'] = (token) =>
    Promise.resolve(token === 'right' ? { kind: 'allowed' } : { kind: 'unknown', detail: 'the API server does not know this token' });
  const [{ url }, browser] = await Promise.all([
    servePage(t, { workloads: [liveWorkload('default', 'hello')] }, { access: { kind: 'token', check } }),
    startBrowser(t),
  ]);
  await browser.open(url);
  await browser.until("document.activeElement?.id === 'token'");
  t.is(await browser.evaluate(`${rows}.length`), 0);
  for (const scheme of ['dark', 'light'] as const) {
    await browser.show({ ...desk, scheme });
    t.deepEqual(await axeViolations(browser), [], scheme);
  }
  const enter = async (token: string): Promise<void> => {
    for (const key of token) await browser.press(key);
    await browser.press('Enter');
  };
  await enter('wrong');
  await browser.until("document.getElementById('token-problem').textContent === 'the API server does not know this token'");
  await enter('right');
  await browser.until(`${rows}.length === 1`);
  t.deepEqual(
    await browser.evaluate(
      '[location.search, location.hash, document.cookie, localStorage.length, sessionStorage.length, document.getElementById("token").value]',
    ),
    ['', '', '', 0, 0, ''],
  );
});

const picture = async (browser: Browser, name: string, scheme: 'light' | 'dark' = 'light'): Promise<void> => {
  const height = name === 'live-page-list' ? 400 : 1150;
  await browser.show({ width: 1280, height, scheme });
  await browser.evaluate('document.activeElement?.blur(); scrollTo(0, 0)');
  await sleep(2500);
  await mkdir(images, { recursive: true });
  await browser.screenshot(join(images, `${name}.png`));
};

/** A minute in which clients come and go. */
const playLoad = async (urls: readonly string[]): Promise<void> => {
  const ask = async (url: string, over: AbortSignal): Promise<void> => {
    while (!over.aborted)
      await fetch(`${url}sleep?ms=300`, { signal: over })
        .then((answer) => answer.text())
        .catch(() => sleep(100));
  };
  for (const [clients, lastsMs] of [
    [2, 15_000],
    [18, 20_000],
    [6, 15_000],
    [0, 25_000],
    [12, 15_000],
  ] as const) {
    const over = new AbortController();
    const asking = urls.flatMap((url, index) => Array.from({ length: Math.ceil(clients / (index + 1)) }, () => ask(url, over.signal)));
    await sleep(lastsMs);
    over.abort();
    await Promise.all(asking);
  }
};
