import { createPatch } from 'rfc6902';
import type { Json } from './review.ts';

/** What is to become of a request. `mutated` has only the parts that a mutation may touch, before and after. */
export type Verdict =
  | { readonly kind: 'allow'; readonly warnings: readonly string[]; readonly mutation?: Mutation }
  /** `message`: everything that is wrong, a line each. */
  | { readonly kind: 'deny'; readonly code: 403 | 409 | 422; readonly message: string; readonly warnings: readonly string[] };

/** Two versions of the same few parts of the object; their difference becomes the patch. */
export interface Mutation {
  readonly before: Json;
  readonly after: Json;
}

export const allow: Verdict = { kind: 'allow', warnings: [] };

const reasons = { 403: 'Forbidden', 409: 'Conflict', 422: 'Invalid' } as const;

/** The API server cuts longer ones off, and drops them all beyond 4096 in total (k8s.io/apiserver/pkg/endpoints/request/… warnings, KEP-1693). */
const longestWarning = 256;
const mostWarnings = 12;

const shorten = (warning: string): string => (warning.length > longestWarning ? `${warning.slice(0, longestWarning - 1)}…` : warning);

/** The AdmissionReview to answer with. */
export const reviewOf = (uid: string, verdict: Verdict): Json => {
  const warnings = [...new Set(verdict.warnings)].slice(0, mostWarnings).map((warning) => shorten(`Rouse: ${warning}`));
  const common = { uid, ...(warnings.length === 0 ? {} : { warnings }) };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { ...common, ...responseOf(verdict) } };
};

const responseOf = (verdict: Verdict): Json => {
  if (verdict.kind === 'deny') {
    const { code, message } = verdict;
    return { allowed: false, status: { status: 'Failure', code, reason: reasons[code], message } };
  }
  const { mutation } = verdict;
  const operations = mutation === undefined ? [] : createPatch(mutation.before, mutation.after);
  if (operations.length === 0) return { allowed: true };
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') };
};
