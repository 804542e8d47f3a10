import { annotation, systemNamespace, type Logger, type SpecProblem } from '../core/index.ts';
import { parseConfig, type ClusterConfig, type SpecOptions } from '../core/spec/index.ts';
import type { ConfigMapView, Snapshot } from '../kube/index.ts';

export const configKey = `${systemNamespace}/rouse-config`;

export interface RouseConfigSources {
  readonly configMaps: Snapshot<ConfigMapView> | undefined;
  readonly checkFormula?: SpecOptions['checkFormula'];
  readonly places?: boolean;
  /** Everything is to be handed back from the first moment (`rouse restore`). */
  readonly handsBackAll?: boolean;
  readonly logger: Logger;
}

const builtInConfig = (): ClusterConfig => {
  const parsed = parseConfig({});
  if (!parsed.ok) throw new Error('the built-in configuration is not legal');
  return parsed.value.config;
};

/** ConfigMap `rouse-config`, followed. Settings that cannot be read change nothing: the last good ones stand. */
export class RouseConfig {
  readonly #sources: RouseConfigSources;
  readonly #listeners = new Set<(problems: readonly SpecProblem[]) => void>();
  #value: ClusterConfig = builtInConfig();
  #problems: readonly SpecProblem[] = [];
  #handsBackAll: boolean;

  constructor(sources: RouseConfigSources) {
    this.#sources = sources;
    this.#handsBackAll = sources.handsBackAll ?? false;
    this.#read(sources.configMaps?.get(configKey));
  }

  /** The last good settings. */
  get value(): ClusterConfig {
    return this.#value;
  }

  /** What is wrong with the settings as they are now. */
  get problems(): readonly SpecProblem[] {
    return this.#problems;
  }

  /** True while everything is to be handed back (`rouse uninstall`): an annotation says so, which counts whatever is wrong with the settings. */
  get handsBackAll(): boolean {
    return this.#handsBackAll;
  }

  /** `listener` runs when it was read: with what is wrong with it, or nothing. */
  onRead(listener: (problems: readonly SpecProblem[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Follows the ConfigMap; `changed` runs after everybody who listens has heard. Returns the way to stop. */
  follow(changed: () => void): () => void {
    const stop = this.#sources.configMaps?.subscribe((event) => {
      if (event.key !== configKey) return;
      this.#read(event.type === 'set' ? event.value : undefined);
      for (const listener of this.#listeners) listener(this.#problems);
      changed();
    });
    return () => stop?.();
  }

  #read(view: ConfigMapView | undefined): void {
    const { logger, checkFormula } = this.#sources;
    const parsed = parseConfig(view?.data ?? {}, { checkFormula });
    // A ConfigMap that is deleted (with our namespace, for one) says nothing new: to onboard everything again then would undo an uninstall.
    const handsBackAll = view === undefined ? this.#handsBackAll : view.annotations[annotation.handBack] === 'all';
    if (handsBackAll !== this.#handsBackAll)
      logger.warn(handsBackAll ? 'every workload is handed back, and none is onboarded' : 'workloads are onboarded again', {
        because: `${annotation.handBack} of ConfigMap ${configKey}`,
      });
    this.#handsBackAll = handsBackAll;
    this.#problems = parsed.ok ? [] : parsed.problem;
    if (parsed.ok) this.#value = parsed.value.config;
    else logger.warn('rouse-config has problems, the last good configuration stays', { problems: parsed.problem.map(({ message }) => message) });
  }
}
