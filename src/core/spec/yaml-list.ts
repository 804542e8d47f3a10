import { parse } from 'yaml';
import { messageOf } from '../errors.ts';
import { failed, ok, type Result } from '../result.ts';

const longest = 16_384;

export type Fields = Readonly<Record<string, unknown>>;

/** YAML 1.2 (JSON is a part of it) without anchors: a user's text may neither be large nor grow. The problem ends a sentence. */
export const parseYaml = (text: string): Result<unknown, string> => {
  if (text.length > longest) return failed(`is longer than ${String(longest)} characters`);
  try {
    const value: unknown = parse(text, { maxAliasCount: 0, stringKeys: true, uniqueKeys: true, logLevel: 'error' });
    return ok(value);
  } catch (thrown) {
    return failed(`is not YAML (${messageOf(thrown).split('\n', 1)[0] ?? ''})`);
  }
};

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A YAML list of at most `most` maps that have no fields but `allowed`, each read by `item` (problem: the end of "item 2 …"). */
export const parseYamlList = <T>(
  text: string,
  most: number,
  allowed: readonly string[],
  item: (fields: Fields) => Result<T, string>,
): Result<readonly T[], string> => {
  const yaml = parseYaml(text);
  if (!yaml.ok) return yaml;
  if (!Array.isArray(yaml.value)) return failed('is not a YAML list');
  if (yaml.value.length > most) return failed(`has more than ${String(most)} items`);
  const items: T[] = [];
  for (const [index, raw] of yaml.value.entries()) {
    const where = `has item ${String(index + 1)}`;
    if (!isFields(raw)) return failed(`${where}, which is not a map`);
    const unknown = Object.keys(raw).find((name) => !allowed.includes(name));
    if (unknown !== undefined) return failed(`${where} with the unknown field ${JSON.stringify(unknown)}`);
    const parsed = item(raw);
    if (!parsed.ok) return failed(`${where}, which ${parsed.problem}`);
    items.push(parsed.value);
  }
  return ok(items);
};
