import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { startProgram } from './real-program.ts';
import { until } from './until.ts';

/** A headless Chromium, driven through its DevTools protocol. */
export interface Browser {
  /** Opens a page, as a person does who types its address. Resolves when the browser has begun. */
  open(url: string): Promise<void>;
  /** The value of an expression in the page as it is then; what a promise resolves to. */
  evaluate(expression: string): Promise<unknown>;
  /** As a person who presses a key (`Tab`, `Enter`, `a`). */
  press(key: string): Promise<void>;
  /** The window, and what its user prefers. */
  show(window: { readonly width: number; readonly height: number; readonly scheme: 'light' | 'dark' }): Promise<void>;
  /** Writes a PNG of the window. */
  screenshot(path: string): Promise<void>;
  /** What the browser complained of so far: exceptions, what the content policy forbids, what cannot be loaded. */
  readonly complaints: readonly string[];
  /** Waits until the expression is true in the page, whichever that is by then: it may load itself again meanwhile. */
  until(expression: string): Promise<void>;
}

/** Nothing that goes anywhere but to the page: no updates, no synchronisation, no first-run pages. */
const flags = [
  ...['headless', 'no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-background-networking', 'disable-component-update'],
  ...['disable-sync', 'disable-breakpad', 'disable-dev-shm-usage', 'no-proxy-server', 'remote-debugging-port=0'],
].map((name) => `--${name}`);

/** What goes without a text of its own. */
const keyCodes: Readonly<Record<string, number>> = { Tab: 9, Enter: 13, Escape: 27, ArrowUp: 38, ArrowDown: 40 };

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly entry?: { readonly text: string; readonly url?: string }; readonly exceptionDetails?: object };
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** It is killed after `limitMs`. */
export const startBrowser = async (t: ExecutionContext, limitMs = 120_000): Promise<Browser> => {
  const cwd = await mkdtemp(join(tmpdir(), 'rouse-chromium-'));
  t.teardown(() => rm(cwd, { recursive: true, maxRetries: 20, retryDelay: 100 })); // its processes end one after the other
  const chromium = startProgram(t, 'chromium', [...flags, `--user-data-dir=${join(cwd, 'profile')}`, 'about:blank'], { cwd, limitMs });
  const address = await until('Chromium can be driven', () => /^DevTools listening on (ws:\S+)$/m.exec(chromium.errors())?.[1], 30_000, chromium.errors);
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  t.teardown(async () => {
    socket.send(JSON.stringify({ id: 0, method: 'Browser.close' })); // all of its processes, in order
    await chromium.ended;
  });

  const waiting = new Map<number, (message: Message) => void>();
  const complaints: string[] = [];
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Message;
    const { entry, exceptionDetails } = message.params ?? {};
    if (message.method === 'Log.entryAdded') complaints.push(`${entry?.text ?? ''} ${entry?.url ?? ''}`);
    if (message.method === 'Runtime.exceptionThrown') complaints.push(JSON.stringify(exceptionDetails));
    waiting.get(message.id ?? 0)?.(message);
    waiting.delete(message.id ?? 0);
  });
  socket.on('close', () => {
    for (const answer of waiting.values()) answer({ error: { message: 'the browser has ended' } });
  });
  let lastId = 0;
  const call = async (method: string, params: object, sessionId?: unknown): Promise<Readonly<Record<string, unknown>>> => {
    const id = (lastId += 1);
    const answered = new Promise<Message>((resolve) => waiting.set(id, resolve));
    socket.send(JSON.stringify({ id, method, params, sessionId }));
    const { result = {}, error } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  };
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });

  await call('Log.enable', {}, sessionId);
  await call('Runtime.enable', {}, sessionId);

  const evaluate = async (expression: string): Promise<unknown> => {
    const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true }, sessionId);
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { readonly value?: unknown }).value;
  };
  return {
    // `Page.navigate` would answer only when the page has been answered; the caller may have to wake somebody before.
    open: async (url) => {
      // Not at once: a page that goes takes with it what it has not answered.
      await evaluate(`void setTimeout(() => (location.href = ${JSON.stringify(url)}))`);
    },
    evaluate,
    press: async (key) => {
      const text = key === 'Enter' ? '\r' : key.length === 1 ? key : undefined;
      const about = { key, code: key.length === 1 ? '' : key, windowsVirtualKeyCode: keyCodes[key] ?? 0, text };
      await call('Input.dispatchKeyEvent', { type: text === undefined ? 'rawKeyDown' : 'keyDown', ...about }, sessionId);
      await call('Input.dispatchKeyEvent', { type: 'keyUp', ...about, text: undefined }, sessionId);
    },
    show: async ({ width, height, scheme }) => {
      await call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false }, sessionId);
      await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] }, sessionId);
    },
    screenshot: async (path) => {
      const { data } = await call('Page.captureScreenshot', { format: 'png' }, sessionId);
      await writeFile(path, Buffer.from(String(data), 'base64'));
    },
    complaints,
    until: async (expression) => {
      const isSo = async (): Promise<boolean> => (await evaluate(expression).catch(() => false)) === true;
      await until(expression, isSo, 20_000, () => evaluate('document.body?.innerText').catch(String));
    },
  };
};
