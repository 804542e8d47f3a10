import { annotation, systemNamespace } from '../../core/index.ts';
import { parseConfig, type SpecOptions, type Texts } from '../../core/spec/index.ts';
import { loadFormulas } from '../../decider/index.ts';
import { createKindDiscovery, resources } from '../../kube/index.ts';
import { good, kubectlHere, NotReadable, problem, read, skipped, some, warning, type Check, type Patient } from './check.ts';

const name = { namespace: systemNamespace, name: 'rouse-config' };
const edit = `${kubectlHere} edit configmap rouse-config`;

const dataOf = async (patient: Patient): Promise<Texts | undefined> => {
  const config = await read(patient, resources.configMaps, name);
  return config === undefined ? undefined : (config.data ?? {});
};

const checkWithFormulas = async (): Promise<SpecOptions['checkFormula']> => {
  const formulas = await loadFormulas();
  return (text) => formulas.check(text);
};

/** Formulas are checked where there is one: the library for them is large. */
export const formulaCheck = async (texts: readonly Texts[]): Promise<SpecOptions['checkFormula']> =>
  texts.some((each) => Object.keys(each).some((key) => key.includes('formula'))) ? await checkWithFormulas() : undefined;

export const config: Check = {
  id: 'config',
  about: 'rouse-config can be read',
  run: async (patient) => {
    const data = await dataOf(patient);
    if (data === undefined) return good('there is no rouse-config: the built-in defaults hold');
    const parsed = parseConfig(data, { checkFormula: await formulaCheck([data]) });
    if (!parsed.ok) return problem(`the last good rouse-config stays in force: ${some(parsed.problem.map(({ message }) => message))}`, edit);
    const { warnings } = parsed.value;
    return warnings.length === 0 ? good(`${String(Object.keys(data).length)} settings`) : warning(some(warnings.map(({ message }) => message)), edit);
  },
};

export const handBack: Check = {
  id: 'hand-back',
  about: 'no uninstall has been begun and left',
  run: async (patient) => {
    const marked = (await read(patient, resources.configMaps, name))?.metadata?.annotations?.[annotation.handBack] === 'all';
    return marked
      ? problem(
          `rouse-config carries ${annotation.handBack}: all: every workload is handed back and none is onboarded`,
          'rouse uninstall --cancel (or rouse uninstall, to end it)',
        )
      : good('workloads are onboarded as they ask for it');
  },
};

export const allowKinds: Check = {
  id: 'allow-kinds',
  about: 'the cluster has every kind of allow-kinds, with /scale',
  run: async (patient) => {
    const parsed = parseConfig((await dataOf(patient)) ?? {});
    if (!parsed.ok) return skipped('rouse-config cannot be read');
    const { allowKinds: kinds } = parsed.value.config;
    const discover = createKindDiscovery({ connection: patient.connection, clock: patient.clock });
    const useless: string[] = [];
    for (const kind of kinds) {
      const found = await discover(kind, patient.signal);
      if (!found.ok) throw new NotReadable('the kinds that the API server serves', found.problem);
      if (found.value === undefined) useless.push(`${kind} is not served`);
      else if (!found.value.hasScale) useless.push(`${kind} has no /scale`);
    }
    return useless.length === 0 ? good(kinds.join(', ')) : problem(`allow-kinds: ${some(useless)}`, `kubectl api-resources; then ${edit}`);
  },
};
