import { failed, ok, type Result } from '../result.ts';
import type { Parse } from './scalars.ts';
import type { IgnoreRule } from './scale-spec.ts';
import { parseYamlList, type Fields } from './yaml-list.ts';

const mostRules = 50;
const longestField = 1024;
const fieldNames = ['path', 'userAgent', 'header'] as const;
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const parseRule = (fields: Fields): Result<IgnoreRule, string> => {
  const rule: { path?: string; userAgent?: string; header?: string } = {};
  for (const name of fieldNames) {
    const value = fields[name];
    if (value === undefined) continue;
    if (typeof value !== 'string' || value === '' || value.length > longestField)
      return failed(`has a ${name} that is not a text of 1…${String(longestField)} characters`);
    rule[name] = value;
  }
  if (Object.keys(rule).length === 0) return failed('matches everything (want at least one of path, userAgent, header)');
  if (rule.path !== undefined && !rule.path.startsWith('/')) return failed('has a path that does not begin with "/"');
  if (rule.header !== undefined && !headerName.test(rule.header)) return failed('has a header that is no header name');
  return ok(rule);
};

/** An empty list is legal: then every request counts. */
export const ignoreRequests: Parse<readonly IgnoreRule[]> = (text) => parseYamlList(text, mostRules, fieldNames, parseRule);
