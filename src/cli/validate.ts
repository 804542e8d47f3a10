import { annotation, isEnabled } from '../core/index.ts';
import { parseConfig, parseSpec, type ClusterConfig, type SpecOptions, type Texts } from '../core/spec/index.ts';
import { loadFormulas } from '../decider/index.ts';
import { counted } from './counted.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { isWorkload, mentionsFormula, podTemplate, readManifests, type Manifest, type SourcedManifest } from './manifests.ts';

/** The layers above a workload that the files themselves bring: ConfigMap `rouse-config` and Namespaces. */
interface Layers {
  readonly cluster: Texts;
  readonly namespaces: ReadonlyMap<string, Texts>;
  readonly options: SpecOptions;
  readonly allowKinds: readonly string[];
}

/** Checks the annotations of manifests as admission would, and prints every problem and warning; exit 1 if there is a problem. */
export const validateFiles = async (paths: readonly string[], print: (line: string) => void): Promise<ExitCode> => {
  const manifests = await readManifests(paths);
  const formulas = manifests.some(({ object }) => mentionsFormula(object)) ? await loadFormulas() : undefined;
  const {
    problems: configProblems,
    warnings: configWarnings,
    layers,
  } = layersOf(manifests, formulas === undefined ? undefined : (text) => formulas.check(text));
  let problems = configProblems.length;
  for (const line of configProblems) print(`problem: ${line}`);
  for (const line of configWarnings) print(`warning: ${line}`);
  for (const { object, at } of manifests)
    if (podTemplate(object) === undefined && annotation.enabled in (object.metadata.annotations ?? {}))
      print(`warning: ${at}: ${object.kind} ${object.metadata.name}: ${annotation.enabled} has no effect there; put it on the workload itself.`);
  let workloads = 0;
  for (const manifest of manifests.filter(({ object }) => isWorkload(object))) {
    workloads++;
    const found = check(manifest, layers);
    const name = `${manifest.at}: ${manifest.object.kind} ${manifest.object.metadata.name}`;
    for (const line of found.problems) print(`problem: ${name}: ${line}`);
    for (const line of found.warnings) print(`warning: ${name}: ${line}`);
    problems += found.problems.length;
  }
  print(`${counted(workloads, 'workload')}, ${counted(problems, 'problem')}`);
  return problems === 0 ? exitCode.ok : exitCode.findings;
};

const check = (
  { object }: SourcedManifest,
  { cluster, namespaces, options, allowKinds }: Layers,
): { readonly problems: readonly string[]; readonly warnings: readonly string[] } => {
  const workload = object.metadata.annotations ?? {};
  const enabled = isEnabled(workload);
  const namespace = namespaces.get(object.metadata.namespace ?? 'default') ?? {};
  const parsed = parseSpec({ cluster, namespace, podTemplate: templateAnnotations(object), workload }, options);
  const problems = [...(enabled.ok ? [] : [enabled.problem]), ...(parsed.ok ? [] : parsed.problem)].map(({ message }) => message);
  const warnings = [
    ...(annotation.enabled in workload ? [] : [`there is no ${annotation.enabled}: "true" on it: Rouse leaves it alone`]),
    ...(mayScale(object, allowKinds)
      ? []
      : [`a ${object.kind} of ${object.apiVersion} is none of allow-kinds (${allowKinds.join(', ')}): Rouse leaves it alone`]),
    ...(parsed.ok ? parsed.value.warnings.map(({ message }) => message) : []),
  ];
  return { problems, warnings };
};

/** Whether `allow-kinds`, which has names of resources, may mean the kind: nobody can be asked here for its plural. */
const mayScale = ({ apiVersion, kind }: Manifest, allowKinds: readonly string[]): boolean => {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return allowKinds.some((each) => each.slice(each.indexOf('.') + 1) === group && each.startsWith(kind.toLowerCase().slice(0, -1)));
};

const layersOf = (
  manifests: readonly SourcedManifest[],
  checkFormula: SpecOptions['checkFormula'],
): { readonly problems: readonly string[]; readonly warnings: readonly string[]; readonly layers: Layers } => {
  const namespaces = new Map<string, Texts>();
  let data: Texts = {};
  let where = '';
  const marks: string[] = [];
  for (const { object, at } of manifests) {
    if (object.kind === 'Namespace') namespaces.set(object.metadata.name, object.metadata.annotations ?? {});
    if (object.kind === 'ConfigMap' && object.metadata.name === 'rouse-config') {
      data = textsOf(object.data);
      where = at;
      if (object.metadata.annotations?.[annotation.handBack] === 'all')
        marks.push(`${at}: ${annotation.handBack}: all has every workload handed back, and none onboarded`);
    }
  }
  const config = parseConfig(data, { checkFormula });
  const { defaults, maxScaleLimit, allowKinds } = config.ok ? config.value.config : builtIn();
  return {
    problems: config.ok ? [] : config.problem.map(({ message }) => `${where}: ${message}`),
    warnings: [...marks, ...(config.ok ? config.value.warnings.map(({ message }) => `${where}: ${message}`) : [])],
    layers: { cluster: defaults, namespaces, options: { checkFormula, maxScaleLimit }, allowKinds },
  };
};

const builtIn = (): ClusterConfig => {
  const config = parseConfig({});
  if (!config.ok) throw new Error('the built-in configuration is not legal');
  return config.value.config;
};

const templateAnnotations = (object: Manifest): Texts => {
  const metadata = podTemplate(object)?.metadata;
  return isRecord(metadata) ? textsOf(metadata.annotations) : {};
};
const textsOf = (value: unknown): Texts =>
  isRecord(value) ? Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string')) : {};
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
