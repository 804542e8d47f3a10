import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { kustomized, manifestsIn, type Manifest } from './rendered.ts';

const deploy = join(import.meta.dirname, '..', '..', 'deploy');

/** The files of deploy/ that `npm run render` writes out of deploy/base and deploy/components, by path. */
export const generatedManifests = async (): Promise<ReadonlyMap<string, string>> =>
  new Map([
    [join(deploy, 'install.yaml'), `# deploy/overlays/default in one file. ${howTo}\n${await kustomized('default')}`],
    [join(deploy, 'helm', 'templates', 'controller-roles.yaml'), `{{- /* ${howTo} */ -}}\n${await chartRoles()}`],
    [join(deploy, 'helm', 'templates', 'placement.yaml'), `{{- /* ${howTo} */ -}}\n${await chartPlacement()}`],
  ]);

const howTo = 'Generated: change deploy/base or deploy/components and run "npm run render".';

/** deploy/base/controller-roles.yaml as a template: labels, and what the value `namespaces` changes. */
const chartRoles = async (): Promise<string> => {
  const roles = manifestsIn(await readFile(join(deploy, 'base', 'controller-roles.yaml'), 'utf8')).values();
  return [...roles].map((role) => limited(withLabels(role))).join('---\n');
};

/** What the values of the chart change in deploy/components/placement. */
const ofValues: readonly (readonly [text: string | RegExp, template: string])[] = [
  [/^( +)replicas: 2$/m, '$1replicas: {{ .Values.placement.scheduler.replicas }}'],
  ['image: registry.k8s.io/kube-scheduler', 'image: {{ .Values.placement.scheduler.image }}'],
  [/^( +)resources:\n( +)requests:\n +cpu: 100m\n +memory: 128Mi\n/m, '$1resources:\n$2{{- toYaml .Values.placement.scheduler.resources | nindent 12 }}\n'],
  [/^( +)prioritizeVerb: prioritize\n/m, '$1prioritizeVerb: prioritize\n$1{{- if .Values.placement.filter }}\n$1filterVerb: filter\n$1{{- end }}\n'],
];

/** The component as a template, of objects that are there with the value `placement.enabled` alone. */
const chartPlacement = async (): Promise<string> => {
  const files = ['controller-roles.yaml', 'scheduler-roles.yaml', 'scheduler.yaml'].map((name) =>
    readFile(join(deploy, 'components', 'placement', name), 'utf8'),
  );
  const objects = (await Promise.all(files)).flatMap((text) => [...manifestsIn(text).values()]);
  let text = objects.map((object) => withLabels(object)).join('---\n');
  for (const [from, to] of ofValues) {
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`deploy/components/placement has no ${String(from)}, which a value of the chart changes`);
    text = changed;
  }
  return `{{- if .Values.placement.enabled }}\n${text}{{- end }}\n`;
};

/** An object as YAML, with the labels that every object of the chart has before its own. */
const withLabels = ({ apiVersion, kind, metadata, ...rest }: Manifest): string =>
  stringify(
    { apiVersion, kind, metadata: { ...metadata, labels: { LABELS: 'here', ...metadata.labels } }, ...rest },
    { lineWidth: 0, indentSeq: true, aliasDuplicateObjects: false },
  ).replace('LABELS: here', '{{- include "rouse.labels" . | nindent 4 }}');

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
