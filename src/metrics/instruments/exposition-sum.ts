/**
 * Adds up what several processes that do the same work expose (Prometheus text format, https://prometheus.io/docs/instrumenting/exposition_formats/): series by series, counters and
 * histograms as well as gauges, whose sum is that of the whole too. But for `least`: gauges of which the lowest counts.
 */
export interface ParsedExposition {
  readonly families: ReadonlyMap<string, Family>;
}

interface Family {
  /** `# HELP …` and `# TYPE …`, as they came. */
  readonly comments: readonly string[];
  readonly type: string;
  /** By the whole of what stands before the value: name and labels. */
  readonly series: Map<string, number>;
}

/** Understands what our instruments write: comments before the series of each metric, no time stamps. */
export const parseExposition = (text: string): ParsedExposition => {
  const families = new Map<string, Family>();
  let comments: string[] = [];
  let family: Family | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('# HELP ')) comments = [line];
    else if (line.startsWith('# TYPE ')) {
      const [, , name = '', type = ''] = line.split(' ');
      family = { comments: [...comments, line], type, series: new Map() };
      families.set(name, family);
    } else {
      const end = line.lastIndexOf(' ');
      if (end > 0) family?.series.set(line.slice(0, end), Number(line.slice(end + 1).replace('Inf', 'Infinity')));
    }
  }
  return { families };
};

export const isCounting = (type: string): boolean => type === 'counter' || type === 'histogram';

const printed = (value: number): string => String(value).replace('Infinity', 'Inf');

/** `standing`: of which the counts alone are added; their gauges say nothing of now. */
export const sumExpositions = (current: readonly ParsedExposition[], standing: readonly ParsedExposition[], least: ReadonlySet<string>): ParsedExposition => {
  const families = new Map<string, Family>();
  const add = (parsed: ParsedExposition, countsAlone: boolean): void => {
    for (const [name, { comments, type, series }] of parsed.families) {
      if (countsAlone && !isCounting(type)) continue;
      let sum = families.get(name);
      if (sum === undefined) families.set(name, (sum = { comments, type, series: new Map() }));
      for (const [key, value] of series) {
        const before = sum.series.get(key);
        sum.series.set(key, before === undefined ? value : least.has(name) ? Math.min(before, value) : before + value);
      }
    }
  };
  for (const parsed of current) add(parsed, false);
  for (const parsed of standing) add(parsed, true);
  return { families };
};

/** And of one of its revisions, where that is told. */
const ofWorkload = /namespace="((?:[^"\\]|\\.)*)",workload="((?:[^"\\]|\\.)*)"(?:,revision="(?:[^"\\]|\\.)*")?/;

/** Without the series of workloads, and of revisions of them, that `known` has none of: they are gone. What belongs to no workload stays. */
export const withoutGoneWorkloads = ({ families }: ParsedExposition, known: ParsedExposition): ParsedExposition => {
  const names = new Set<string>();
  for (const { series } of known.families.values()) for (const key of series.keys()) names.add(ofWorkload.exec(key)?.[0] ?? '');
  const stays = (key: string): boolean => {
    const match = ofWorkload.exec(key);
    return match === null || match[2] === '' || names.has(match[0]);
  };
  return { families: new Map([...families].map(([name, family]) => [name, { ...family, series: new Map([...family.series].filter(([key]) => stays(key))) }])) };
};

export const printExposition = ({ families }: ParsedExposition): string => {
  const lines: string[] = [];
  for (const { comments, series } of families.values()) {
    lines.push(...comments);
    for (const [key, value] of series) lines.push(`${key} ${printed(value)}`);
    lines.push('');
  }
  return lines.join('\n');
};
