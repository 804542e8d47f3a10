import type { Head } from './request-head.ts';

/** What of a request tells a page load. */
export type PageRequest = Pick<Head, 'method' | 'header' | 'upgrade'>;

const refreshSeconds = 2;

/** True for a page load by a browser: only there can a page that loads itself again stand in for the answer. */
export const isPageLoad = (head: PageRequest): boolean =>
  head.method === 'GET' && /\btext\/html\b/i.test(head.header('accept') ?? '') && head.upgrade === undefined;

export const waitingPage = {
  status: 503,
  body: `<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="${refreshSeconds}"><meta name="viewport" content="width=device-width"><title>Starting …</title>
<style>body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;height:90vh;color:#444}</style><p>The application is starting. This page loads again by itself.</p></html>`,
  headers: ['Content-Type', 'text/html; charset=utf-8', 'Retry-After', String(refreshSeconds), 'Cache-Control', 'no-store'],
} as const;
