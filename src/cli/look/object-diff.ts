import { structuredPatch } from 'diff';
import { stringify } from 'yaml';
import type { KubeObject } from '../../kube/index.ts';
import type { Terminal } from '../terminal.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** Without what the API server writes into every object, and what its controllers say of it. */
const asWritten = (object: KubeObject): string => {
  const {
    managedFields: _fields,
    resourceVersion: _version,
    generation: _generation,
    uid: _uid,
    creationTimestamp: _created,
    ...metadata
  } = object.metadata ?? {};
  const { [lastApplied]: _applied, ...annotations } = metadata.annotations ?? {};
  const { status: _status, ...rest } = object as KubeObject & { readonly status?: unknown };
  return stringify({ ...rest, metadata: { ...metadata, annotations } }, { lineWidth: 0 });
};

/** What differs between two states of an object, as the hunks of a unified diff of its YAML; none: nothing does. */
export const objectDiff = (before: KubeObject, after: KubeObject, { paint }: Pick<Terminal, 'paint'>): readonly string[] =>
  structuredPatch('', '', asWritten(before), asWritten(after), undefined, undefined, { context: 3 }).hunks.flatMap((hunk) => [
    paint('cyan', `@@ -${String(hunk.oldStart)},${String(hunk.oldLines)} +${String(hunk.newStart)},${String(hunk.newLines)} @@`),
    ...hunk.lines.map((line) => (line.startsWith('+') ? paint('green', line) : line.startsWith('-') ? paint('red', line) : line)),
  ]);
