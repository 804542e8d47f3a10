import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { kustomized, manifestsIn, type Manifest } from './rendered.ts';

const deploy = join(import.meta.dirname, '..', '..', 'deploy');

/** The files of deploy/ that `npm run render` writes out of deploy/base, by path. */
export const generatedManifests = async (): Promise<ReadonlyMap<string, string>> =>
  new Map([
    [join(deploy, 'install.yaml'), `# deploy/overlays/default in one file. ${howTo}\n${await kustomized('default')}`],
    [join(deploy, 'helm', 'templates', 'controller-roles.yaml'), `{{- /* ${howTo} */ -}}\n${await chartRoles()}`],
  ]);

const howTo = 'Generated: change deploy/base and run "npm run render".';

interface Role extends Manifest {
  readonly rules?: readonly Readonly<Record<string, unknown>>[];
}

/** deploy/base/controller-roles.yaml as a template: labels, and what the value `namespaces` changes. */
const chartRoles = async (): Promise<string> => {
  const roles = manifestsIn(await readFile(join(deploy, 'base', 'controller-roles.yaml'), 'utf8')).values();
  return [...roles].map((role) => limited(withLabels(role))).join('---\n');
};

const withLabels = ({ apiVersion, kind, metadata, ...rest }: Role): string =>
  stringify({ apiVersion, kind, metadata: { ...metadata, labels: 'LABELS' }, ...rest }, { lineWidth: 0, indentSeq: true }).replace(
    'labels: LABELS',
    'labels:\n    {{- include "rouse.labels" . | nindent 4 }}',
  );

const bindings = /name: (rouse-workloads|rouse-further-kinds)\n[^]*kind: ClusterRole\n/;

/** With `namespaces`, what is bound to the whole cluster is bound to each of them, and only their Namespace objects are read. */
const limited = (yaml: string): string => {
  if (yaml.includes('kind: ClusterRoleBinding') && bindings.test(yaml))
    return `{{- range .Values.namespaces }}\n---\n${yaml
      .replace('kind: ClusterRoleBinding', 'kind: RoleBinding')
      .replace(/^(metadata:\n {2}name: .*\n)/m, '$1  namespace: {{ . }}\n')
      .replace('"rouse.labels" .', '"rouse.labels" $')}{{- else }}\n---\n${yaml}{{- end }}\n`;
  return yaml.replace(
    /( +- )namespaces\n( +)verbs:/,
    (_, item: string, indent: string) =>
      `${item}namespaces\n${indent}{{- with .Values.namespaces }}\n${indent}resourceNames: {{ toJson . }}\n${indent}{{- end }}\n${indent}verbs:`,
  );
};
