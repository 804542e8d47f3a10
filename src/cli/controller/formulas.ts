import type { Logger } from '../../core/index.ts';
import { loadFormulas, type FormulaLookup, type Formulas } from '../../decider/index.ts';

/** Formulas for a process that may never see one: mathjs is loaded when the first is asked for. */
export interface LazyFormulas {
  /** Accepts unseen until mathjs is there. */
  readonly check: (text: string) => string | undefined;
  readonly lookup: FormulaLookup;
  /** Loads mathjs, if that has not happened yet. */
  readonly load: () => Promise<Formulas>;
}

export const lazyFormulas = (logger: Logger): LazyFormulas => {
  let loaded: Formulas | undefined;
  let loading: Promise<Formulas> | undefined;
  const load = (): Promise<Formulas> => {
    loading ??= loadFormulas().then((formulas) => {
      loaded = formulas;
      return formulas;
    });
    return loading;
  };
  const start = (): void => {
    load().catch((failure: unknown) => logger.error('mathjs cannot be loaded; formulas hold', { error: failure }));
  };
  return {
    check: (text) => {
      if (loaded === undefined) start();
      return loaded?.check(text);
    },
    lookup: (text) => {
      if (loaded === undefined) start();
      return loaded?.lookup(text);
    },
    load,
  };
};
