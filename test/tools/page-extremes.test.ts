import test from 'ava';
import type { LiveTick, LiveWorkload } from '../../src/api/index.ts';
import { axeViolations } from '../support/axe.ts';
import { startBrowser, type Browser } from '../support/browser.ts';
import { liveWorkload, servePage, type PageScene } from '../support/page-scene.ts';
import { until } from '../support/until.ts';

/** What no usual day brings: long names, figures without measure, a phone, clocks that differ, a workload that goes while it is looked at. */

const rows = "document.querySelectorAll('#workloads tbody tr')";
const connection = "document.getElementById('connection').textContent";
const storyNow = "document.getElementById('story-now').textContent";

const longName = 'a-service-that-is-named-after-its-branch-feature-4711-and-what-it-mends';
const sha = '0123456789abcdef'.repeat(4);
const image = `registry.example.com/teams/a/b/c/an-image-that-is-not-there@sha256:${sha}`;
const extremes: readonly LiveWorkload[] = [
  liveWorkload('a-team-whose-namespace-has-sixty-three-letters-which-is-the-most', longName.repeat(3).slice(0, 200), { phase: 'waking', ready: 0, held: 1234 }),
  liveWorkload('shop', 'failing', { phase: 'failing', ready: 0, trouble: `container app cannot start: ImagePullBackOff: Back-off pulling image "${image}"` }),
  liveWorkload('shop', 'huge', { phase: 'scaling-up', desired: 1_234_567, ready: 98_765, held: 7_654_321 }),
];
const ticksOf = (factor: number): readonly LiveTick[] => {
  const now = Date.now();
  return Array.from({ length: 300 }, (_, index) => {
    const wave = Math.max(0, Math.sin(index / 15) + 0.5);
    const pods = Math.ceil(wave * factor);
    return {
      at: now - (300 - index) * 2000,
      desired: pods,
      ready: pods,
      held: index % 50,
      loads: [{ metric: 'memory', value: wave * factor * 1e4, capacity: 2e4 * factor, pods }],
    };
  });
};

const open = async (browser: Browser, { url }: PageScene, hash: string, ready: string): Promise<void> => {
  await browser.open('about:blank');
  await browser.until("location.href === 'about:blank'");
  await browser.open(`${url}ui/#/${hash}`);
  await browser.until(ready);
};

test.serial('nothing is wider than a phone or than a desk, whatever the names, reasons and figures are, and axe-core finds nothing', async (t) => {
  t.timeout(120_000);
  const [page, browser] = await Promise.all([
    servePage(t, { workloads: extremes, ticks: (key) => ticksOf(key.includes('huge') ? 1e6 : 1e-6) }),
    startBrowser(t),
  ]);
  const stories = extremes.map(({ namespace, name }) => `${namespace}/${name}`);
  for (const width of [360, 1280])
    for (const hash of ['', ...stories, 'shop/of-which-nobody-knows', '?filter=nothing-is-called-so']) {
      await browser.show({ width, height: 800, scheme: width === 360 ? 'dark' : 'light' });
      await open(browser, page, hash, `${connection} === 'Live'`);
      const wider =
        "[document.documentElement, document.querySelector('#list .scroll')].filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.outerHTML.slice(0, 80))";
      t.deepEqual(await browser.evaluate(wider), [], `#/${hash} at ${width}`);
      t.deepEqual(await axeViolations(browser), [], `#/${hash} at ${width}`);
    }
  await open(browser, page, 'shop/huge', `${storyNow} !== ''`);
  t.is(await browser.evaluate(storyNow), 'scaling-up1,234,567 pods wanted, 98,765 ready, 7,654,321 held: the load needs the pods that are there');
  t.regex(String(await browser.evaluate("document.querySelector('#load-chart dl').textContent")), /^load[\d.]+ Gcapacity20 G$/);
  t.deepEqual(browser.complaints, []);
});

test.serial(
  'a page that was left, or that nobody looks at, keeps no connection: more pages than a browser has connections are opened one after the other',
  async (t) => {
    t.timeout(120_000);
    const [page, browser] = await Promise.all([servePage(t, { workloads: [liveWorkload('default', 'hello')] }), startBrowser(t)]);
    for (let visit = 0; visit < 8; visit++) await open(browser, page, '', `${rows}.length === 1`);
    await until('the pages before are let go', () => page.openStreams() === 1);
    await browser.evaluate(
      "Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))",
    );
    await until('nobody looks', () => page.openStreams() === 0);
    await browser.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))");
    await until('somebody looks again', () => page.openStreams() === 1);
    await browser.open('about:blank');
    await until('it is left', () => page.openStreams() === 0);
    t.pass();
  },
);

test.serial('of a workload that is deleted while it is looked at, what was known stays, and the page says so; when it is back it goes on', async (t) => {
  t.timeout(120_000);
  const hello = liveWorkload('default', 'hello');
  const [page, browser] = await Promise.all([servePage(t, { workloads: [hello], ticks: () => ticksOf(4) }), startBrowser(t)]);
  await open(browser, page, 'default/hello', `${storyNow}.startsWith('active')`);
  page.shown.workloads = [];
  await browser.until(
    "/^default\\/hello is not onboarded.* What is shown below is of \\d\\d:\\d\\d:\\d\\d\\.$/.test(document.getElementById('story-problem').textContent)",
  );
  t.true(await browser.evaluate("document.getElementById('load-chart').checkVisibility()"));
  t.deepEqual(await axeViolations(browser), []);
  page.shown.workloads = [hello];
  await browser.until("document.getElementById('story-problem').hidden && !document.getElementById('story-body').classList.contains('stale')");
  t.deepEqual(browser.complaints, []);
});

test.serial('after a controller has gone and another has come what happened is told once', async (t) => {
  t.timeout(120_000);
  const [page, browser] = await Promise.all([servePage(t, { workloads: [liveWorkload('default', 'hello')] }), startBrowser(t)]);
  const event = { at: Date.now() - 2 * 86_400_000, namespace: 'default', name: 'hello', kind: 'scaled', text: '0 → 1: a request is waiting' };
  const told = "[...document.querySelectorAll('#feed li')].map((li) => li.textContent)";
  page.tell(event);
  await open(browser, page, '', `${told}.length === 1`);
  t.regex(String(await browser.evaluate(`${told}[0]`)), /^\D*\d+\D*, \d\d:\d\d:\d\ddefault\/hello 0 → 1: a request is waiting$/, 'not today: with its day');
  await page.stop();
  await browser.until(`${connection}.startsWith('The controller does not answer')`);
  await page.restart();
  await browser.until(`${connection} === 'Live'`);
  t.is(await browser.evaluate(`${told}.length`), 1, 'the new one knows of nothing: what was told stays');
  page.tell(event);
  page.tell({ ...event, at: Date.now(), text: '1 → 0: no request for the whole window' });
  await browser.until(`${told}.length === 3`);
  // A stream ends after ten minutes, and the next begins with what happened lately.
  await browser.evaluate("document.getElementById('pause').click()");
  await until('paused', () => page.openStreams() === 0);
  await browser.evaluate("document.getElementById('pause').click()");
  await browser.until(`${told}.length === 2`);
});

test.serial('behind a Service of several replicas the page asks until the leader answers; where none does it shows the standby, and says so', async (t) => {
  t.timeout(120_000);
  const page = await servePage(t, { workloads: [liveWorkload('default', 'hello')] });
  const browser = await startBrowser(t);
  let asked = 0;
  page.shown.leads = () => (asked += 1) > 6; // twice an answer: its head, and its first message
  await open(browser, page, '', `${connection} === 'Live'`);
  t.true(asked > 6);
  page.shown.leads = () => false;
  await browser.until(`${connection}.startsWith('Live, from a standby')`);
  await until('the streams before are let go', () => page.openStreams() === 1);
  page.shown.leads = () => true;
  await browser.until(`${connection} === 'Live'`);
  t.deepEqual(browser.complaints, []);
});

test.serial('a controller whose clock is not the one of this computer is said to be so', async (t) => {
  t.timeout(120_000);
  const [page, browser] = await Promise.all([servePage(t, { workloads: [] }, { aheadMs: 300_000 }), startBrowser(t)]);
  await open(browser, page, '', `${connection} !== ''`);
  await browser.until(`/^Live; times are of the controller's clock, (299|300) s ahead of this computer's$/.test(${connection})`);
  t.pass();
});

test.serial('an address that means nothing, and a page that is paused, are no dead ends', async (t) => {
  t.timeout(120_000);
  const [page, browser] = await Promise.all([servePage(t, { workloads: [liveWorkload('default', 'hello')] }), startBrowser(t)]);
  await open(browser, page, 'a/%', "document.getElementById('story-problem').textContent.includes('a/% is not onboarded')");
  await browser.press('Escape');
  await browser.until(`${rows}.length === 1`);
  await browser.evaluate("document.getElementById('pause').click()");
  await browser.until(`/^Paused\\. What is shown is of /.test(${connection})`);
  await browser.evaluate("location.hash = '#/default/hello'");
  await browser.until(`${storyNow}.startsWith('active') && ${connection} === 'Live'`);
  t.is(await browser.evaluate("document.getElementById('pause').ariaPressed"), 'false');
});
