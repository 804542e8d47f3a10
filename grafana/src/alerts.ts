/** `npm run --silent alerts -- --runbooks URL`: prints grafana/rules/alerts.yaml with links to runbooks. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withRunbookLinks } from './runbook-links.ts';

try {
  const { runbooks = '' } = parseArgs({ options: { runbooks: { type: 'string' } } }).values;
  const alerts = await readFile(join(import.meta.dirname, '..', 'rules', 'alerts.yaml'), 'utf8');
  process.stdout.write(withRunbookLinks(alerts, runbooks));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
