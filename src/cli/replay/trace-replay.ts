import { messageOf } from '../../core/index.ts';
import { loadFormulas, noFormulas, type FormulaLookup } from '../../decider/index.ts';
import { decideAgain, TraceReader } from '../../scaler/index.ts';

/** Decides a trace of our own again, line by line. */
export class TraceReplay {
  readonly #name: string;
  readonly #reader = new TraceReader();
  #formulas: FormulaLookup = noFormulas;
  ticks = 0;

  private constructor(name: string) {
    this.#name = name;
  }

  /** Begins a replay where `line` is the first of a trace. Throws as `line` does. */
  static begin(line: string): TraceReplay | undefined {
    const header = TraceReader.headerOf(line);
    if (header === undefined) return undefined;
    if (!header.ok) throw new Error(header.problem);
    return new TraceReplay(header.value.workload);
  }

  /** One sentence for each figure that differs. Throws an error that is the end of a sentence about the line where it cannot be read. */
  async line(text: string): Promise<readonly string[]> {
    const read = this.#reader.read(text);
    if (!read.ok) throw new Error(read.problem);
    const tick = read.value;
    if (tick === undefined) return [];
    this.ticks += 1;
    if (tick.spec.scaling.formula !== undefined && this.#formulas === noFormulas) this.#formulas = (await loadFormulas()).lookup;
    const when = `${this.#name}, ${new Date(tick.decision.at).toISOString()}`;
    return again(tick, this.#formulas).map(({ field, want, got }) => `${when}, ${field}: want ${shown(want)}, got ${shown(got)}`);
  }
}

const again: typeof decideAgain = (tick, formulas) => {
  try {
    return decideAgain(tick, formulas);
  } catch (thrown) {
    throw new Error(`cannot be decided: ${messageOf(thrown)}`, { cause: thrown });
  }
};

const shown = (value: unknown): string => (value === undefined ? 'nothing' : typeof value === 'number' ? String(value) : JSON.stringify(value));
