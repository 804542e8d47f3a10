import { LineCounter, parseAllDocuments, type Document } from 'yaml';
import { messageOf, prefix } from '../core/index.ts';
import { CommandError } from './exit-code.ts';
import { readBounded } from './read-bounded.ts';

/** One object of a manifest, as written, and where it stands. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly [field: string]: unknown;
}
export interface SourcedManifest {
  readonly object: Manifest;
  /** `app.yaml:12`, for messages. */
  readonly at: string;
}

const largestManifest = 4 * 1024 * 1024;

/** Reads YAML or JSON files, several documents each, `List` kinds opened. Throws a `CommandError` that names the file and line of the first thing wrong. */
export const readManifests = async (paths: readonly string[]): Promise<readonly SourcedManifest[]> => {
  const all: SourcedManifest[] = [];
  for (const path of paths) all.push(...parseManifests(await readText(path), path));
  return all;
};

const readText = async (path: string): Promise<string> => {
  try {
    return await readBounded(path, largestManifest, `the manifest ${path}`);
  } catch (failure) {
    if (failure instanceof CommandError) throw failure;
    const code = failure instanceof Error && 'code' in failure ? failure.code : undefined;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a directory; name the files in it' : String(code ?? failure);
    throw new CommandError('usage', `cannot read the manifest ${path}: ${why}`, failure);
  }
};

/** `readManifests` for text that is already here. */
export const parseManifests = (text: string, path: string): readonly SourcedManifest[] => {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, logLevel: 'error' });
  const found: SourcedManifest[] = [];
  if (!('empty' in documents)) {
    for (const document of documents) {
      const at = `${path}:${lines.linePos(document.contents?.range[0] ?? 0).line}`;
      const [problem] = document.errors;
      if (problem !== undefined)
        throw new CommandError(
          'usage',
          `${path}:${problem.linePos?.[0].line ?? 1}: not valid YAML: ${problem.message.split('\n')[0]?.replace(/ at line .*$/, '') ?? ''}`,
        );
      const value = valueOf(document, at);
      if (value !== null) found.push(...open(value, at));
    }
  }
  if (found.length === 0) throw new CommandError('usage', `${path}: there is no Kubernetes object in it`);
  return found;
};

/** Throws for an alias without its anchor, and for more aliases than anybody writes. */
const valueOf = (document: Pick<Document, 'toJS'>, at: string): unknown => {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (failure) {
    throw new CommandError('usage', `${at}: not valid YAML: ${messageOf(failure)}`, failure);
  }
};

const open = (value: unknown, at: string): readonly SourcedManifest[] => {
  if (isRecord(value) && typeof value.kind === 'string' && value.kind.endsWith('List') && Array.isArray(value.items))
    return value.items.flatMap((item) => open(item, at));
  return [{ object: asManifest(value, at), at }];
};

const asManifest = (value: unknown, at: string): Manifest => {
  if (!isRecord(value))
    throw new CommandError('usage', `${at}: want a Kubernetes object (apiVersion, kind, metadata …), got ${Array.isArray(value) ? 'a list' : typeof value}`);
  for (const field of ['apiVersion', 'kind'])
    if (typeof value[field] !== 'string' || value[field] === '')
      throw new CommandError('usage', `${at}: ${field} is missing, e.g. ${field === 'kind' ? 'kind: Deployment' : 'apiVersion: apps/v1'}`);
  const { metadata } = value;
  if (!isRecord(metadata) || typeof metadata.name !== 'string' || metadata.name === '') throw new CommandError('usage', `${at}: metadata.name is missing`);
  const { annotations } = metadata;
  if (annotations !== undefined && annotations !== null) {
    if (!isRecord(annotations)) throw new CommandError('usage', `${at}: metadata.annotations wants keys and values`);
    for (const [key, text] of Object.entries(annotations))
      if (typeof text !== 'string')
        throw new CommandError('usage', `${at}: the annotation ${key} wants a string: put quotes around it, e.g. ${key}: "${String(text)}"`);
  }
  return value as unknown as Manifest;
};

export const podTemplate = ({ spec }: Manifest): Record<string, unknown> | undefined => {
  const template = isRecord(spec) ? spec.template : undefined;
  return isRecord(template) ? template : undefined;
};
const mentionsRouse = (annotations: unknown): boolean => isRecord(annotations) && Object.keys(annotations).some((key) => key.startsWith(prefix));
/** A workload is whatever has a pod template and says something to Rouse, be it in the wrong place. */
export const isWorkload = (object: Manifest): boolean => {
  const template = podTemplate(object);
  const inside = isRecord(template?.metadata) ? template.metadata.annotations : undefined;
  return template !== undefined && (mentionsRouse(object.metadata.annotations) || mentionsRouse(inside));
};
/** Only then are formulas worth loading. */
export const mentionsFormula = (object: Manifest): boolean => JSON.stringify(object).includes('formula');

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
