import { createRequire } from 'node:module';

/** Of the package: `src/cli` and `dist/cli` are equally deep. */
export const rouseVersion = (createRequire(import.meta.url)('../../package.json') as { readonly version: string }).version;
