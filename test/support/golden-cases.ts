import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseGoldenCase, type GoldenCase } from '../../src/cli/replay/golden-trace.ts';

/** The runs of Knative's own autoscaler in a file of `test/data` (`test/data/kpa-golden.md`). */
export const goldenCases = (file: 'kpa-golden.jsonl.gz' | 'kpa-golden-limits.jsonl.gz'): readonly GoldenCase[] =>
  gunzipSync(readFileSync(join(import.meta.dirname, '../data', file)))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const parsed = parseGoldenCase(line);
      if (!parsed.ok) throw new Error(parsed.problem);
      return parsed.value;
    });
