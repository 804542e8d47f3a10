// npm run bench -- NAME: one measurement, printed as a table.
const benches: Readonly<Record<string, () => Promise<{ readonly run: () => Promise<void> }>>> = {
  admission: () => import('./admission.ts'),
  'cluster-scale': () => import('./cluster-scale.ts'),
  'cold-start': () => import('./cold-start.ts'),
  decider: () => import('./decider.ts'),
  extender: () => import('./extender.ts'),
  gateway: () => import('./gateway.ts'),
  'gateway-scale': () => import('./gateway-scale.ts'),
  'gateway-soak': () => import('./gateway-soak.ts'),
  'gateway-start': () => import('./gateway-start.ts'),
  hold: () => import('./hold.ts'),
  'live-page': () => import('./live-page.ts'),
  placement: () => import('./placement.ts'),
  'placement-cluster': () => import('./placement-cluster.ts'),
  quality: () => import('./quality.ts'),
  scrape: () => import('./scrape.ts'),
  tracing: () => import('./tracing.ts'),
};

const name = process.argv[2];
const load = name === undefined ? undefined : benches[name];
if (load === undefined) {
  console.error(`usage: npm run bench -- NAME, where NAME is one of: ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
await (await load()).run();
