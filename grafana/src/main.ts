/** `npm run dashboards`: writes grafana/dashboards. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dashboards, printDashboard } from './dashboards.ts';

for (const [file, dashboard] of dashboards) await writeFile(join(import.meta.dirname, '..', 'dashboards', file), printDashboard(dashboard));
