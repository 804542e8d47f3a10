import { dirname, join } from 'node:path';
import type { Image, ImageMap } from '../../../src/local/index.ts';

const repository = join(import.meta.dirname, '..', '..', '..');

/** Where images have the repository: a pod's user may not reach it where it is, below somebody's home. */
const inside = '/opt/rouse';

const insideOf = (path: string): string => (path.startsWith(`${repository}/`) ? `${inside}${path.slice(repository.length)}` : path);

const program = (...path: readonly string[]): Image => ({
  kind: 'program',
  entrypoint: [insideOf(process.execPath), join(inside, ...path)],
  workingDir: inside,
  brings: { [inside]: repository },
});

/** What the images of manifests stand for on the nodes. `binary`: the control plane's. */
export const imagesOf = (binary: string): ImageMap => ({
  /** Rouse itself, as `deploy/` names it. */
  rouse: program('src', 'cli', 'main.ts'),
  /** The test program. */
  'rouse.test/app': program('test', 'support', 'programs', 'app.js'),
  /** Running and ready at once, without a process: for thousands of pods. */
  'rouse.test/fake': { kind: 'fake' },
  'registry.k8s.io/kube-scheduler': {
    kind: 'program',
    entrypoint: ['kube-scheduler'],
    env: { PATH: '/opt/kubernetes/bin:/usr/bin:/bin' },
    brings: { '/opt/kubernetes/bin': join(import.meta.dirname, 'programs'), '/opt/kubernetes/server': dirname(binary) },
  },
});
