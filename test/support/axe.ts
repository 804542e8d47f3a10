import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser } from './browser.ts';

const source = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

/** What axe-core finds wrong with the page as it is now: rule, how bad, and where. */
export const axeViolations = async (browser: Browser): Promise<unknown> => {
  await browser.evaluate(`if (!window.axe) { ${source} }`);
  return browser.evaluate(
    'axe.run(document).then(({ violations }) => violations.map(({ id, impact, nodes }) => [id, impact, ...nodes.map(({ target, failureSummary }) => target + ": " + failureSummary)]))',
  );
};
