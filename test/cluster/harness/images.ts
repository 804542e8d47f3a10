import { join } from 'node:path';
import type { ImageMap } from '../../../src/local/index.ts';

const repository = join(import.meta.dirname, '..', '..', '..');

/** What the images of manifests stand for on the nodes. */
export const images: ImageMap = {
  /** Rouse itself, as `deploy/` names it. */
  rouse: { kind: 'program', entrypoint: [process.execPath, join(repository, 'src', 'cli', 'main.ts')] },
  /** The test program: `test/support/programs/app.js`. */
  'rouse.test/app': { kind: 'program', entrypoint: [process.execPath, join(repository, 'test', 'support', 'programs', 'app.js')] },
  /** Running and ready at once, without a process: for thousands of pods. */
  'rouse.test/fake': { kind: 'fake' },
};
