import { annotation, isEnabled } from '../core/index.ts';
import { parseConfig, parseSpec, type SpecOptions, type Texts } from '../core/spec/index.ts';
import { loadFormulas } from '../decider/index.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { isWorkload, mentionsFormula, podTemplate, readManifests, type Manifest, type SourcedManifest } from './manifests.ts';

/** The layers above a workload that the files themselves bring: ConfigMap `rouse-config` and Namespaces. */
interface Layers {
  readonly cluster: Texts;
  readonly namespaces: ReadonlyMap<string, Texts>;
  readonly options: SpecOptions;
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
  let workloads = 0;
  for (const manifest of manifests.filter(({ object }) => isWorkload(object))) {
    workloads++;
    const found = check(manifest, layers);
    const name = `${manifest.at}: ${manifest.object.kind} ${manifest.object.metadata.name}`;
    for (const line of found.problems) print(`problem: ${name}: ${line}`);
    for (const line of found.warnings) print(`warning: ${name}: ${line}`);
    problems += found.problems.length;
  }
  print(`${workloads} ${workloads === 1 ? 'workload' : 'workloads'}, ${problems} ${problems === 1 ? 'problem' : 'problems'}`);
  return problems === 0 ? exitCode.ok : exitCode.findings;
};

const check = (
  { object }: SourcedManifest,
  { cluster, namespaces, options }: Layers,
): { readonly problems: readonly string[]; readonly warnings: readonly string[] } => {
  const workload = object.metadata.annotations ?? {};
  const enabled = isEnabled(workload);
  const namespace = namespaces.get(object.metadata.namespace ?? 'default') ?? {};
  const parsed = parseSpec({ cluster, namespace, podTemplate: templateAnnotations(object), workload }, options);
  const problems = [...(enabled.ok ? [] : [enabled.problem]), ...(parsed.ok ? [] : parsed.problem)].map(({ message }) => message);
  return { problems, warnings: parsed.ok ? parsed.value.warnings.map(({ message }) => message) : [] };
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
  return config.ok
    ? {
        problems: [],
        warnings: [...marks, ...config.value.warnings.map(({ message }) => `${where}: ${message}`)],
        layers: { cluster: config.value.config.defaults, namespaces, options: { checkFormula, maxScaleLimit: config.value.config.maxScaleLimit } },
      }
    : {
        problems: config.problem.map(({ message }) => `${where}: ${message}`),
        warnings: marks,
        layers: { cluster: {}, namespaces, options: { checkFormula } },
      };
};

const templateAnnotations = (object: Manifest): Texts => {
  const metadata = podTemplate(object)?.metadata;
  return isRecord(metadata) ? textsOf(metadata.annotations) : {};
};
const textsOf = (value: unknown): Texts =>
  isRecord(value) ? Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string')) : {};
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
