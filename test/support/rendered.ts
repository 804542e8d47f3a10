import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { helmBinary, kubectlBinary } from './real-kubectl.ts';

const run = promisify(execFile);
const deploy = join(import.meta.dirname, '..', '..', 'deploy');

/** A manifest as it is applied. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
}

/** What `kubectl apply -k deploy/overlays/NAME` sends, as YAML. */
export const kustomized = async (overlay: string): Promise<string> =>
  (await run(await kubectlBinary(), ['kustomize', join(deploy, 'overlays', overlay)], { maxBuffer: 1 << 24 })).stdout;

/** What `helm install rouse deploy/helm ARGS` sends, as YAML. */
export const helmTemplate = async (args: readonly string[] = []): Promise<string> =>
  (await run(await helmBinary(), ['template', 'rouse', join(deploy, 'helm'), ...args], { cwd: deploy, maxBuffer: 1 << 24 })).stdout;

/** The objects in `yaml` by kind, namespace and name. */
export const manifestsIn = (yaml: string): ReadonlyMap<string, Manifest> =>
  new Map(
    parseAllDocuments(yaml)
      .map((document) => document.toJS() as Manifest | null)
      .filter((manifest) => manifest !== null)
      .map((manifest) => [`${manifest.kind} ${manifest.metadata.namespace ?? ''}/${manifest.metadata.name}`, manifest]),
  );
