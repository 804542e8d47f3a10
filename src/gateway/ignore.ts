import type { IgnoreRule } from '../core/index.ts';
import type { RequestHead } from './request.ts';

/** True for a request that is neither counted nor wakes. */
export type Ignores = (request: RequestHead) => boolean;

const matches =
  ({ path, userAgent, header }: IgnoreRule): Ignores =>
  (request) =>
    (path === undefined || request.path.startsWith(path)) &&
    (userAgent === undefined || request.userAgent.startsWith(userAgent)) &&
    (header === undefined || request.hasHeader(header.toLowerCase()));

/** A request is ignored if any rule matches; a rule matches if all that it gives does. A rule that gives nothing matches nothing. */
export const compileIgnoreRules = (rules: readonly IgnoreRule[]): Ignores => {
  const compiled = rules.filter((rule) => Object.keys(rule).length > 0).map(matches);
  const [only] = compiled;
  if (only !== undefined && compiled.length === 1) return only;
  return (request) => compiled.some((rule) => rule(request));
};
