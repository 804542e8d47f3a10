import { between, millis, printDuration, type Instant } from '../../core/index.ts';
import type { PlacedPod } from '../placement/placed-pods.ts';

/** How much each term counts is in docs/placement.md; the names are those of `PlacementTerms`. */
const termsIn = ({ terms, leaving }: PlacedPod): string =>
  leaving === undefined
    ? Object.entries(terms)
        .map(([name, value]) => `${name} ${String(value)}`)
        .join(', ')
    : `the node is leaving: ${leaving}`;

const nextIn = ({ next, nodes }: PlacedPod): string => {
  const named = next.map(({ node, score, leaving }) => `${node} ${String(score)}${leaving === undefined ? '' : ` (${leaving})`}`);
  if (named.length === 0) return 'no other node could have it';
  const rest = nodes - 1 - named.length;
  return `then ${named.join(', ')}${rest > 0 ? `, ${String(rest)} more` : ''}`;
};

const whereIn = ({ node, boundTo }: PlacedPod): string => {
  if (boundTo === undefined) return `to ${node}, not seen there yet`;
  return boundTo === node ? `to ${node}` : `to ${boundTo}, though ${node} was best here: the scheduler's own scores went before`;
};

const ago = (at: Instant, now: Instant): string => `${printDuration(millis(Math.max(0, Math.round(between(at, now) / 1000) * 1000)))} ago`;

/** Why the newest pods are where they are, the newest first. */
export const placementLines = (placed: readonly PlacedPod[], now: Instant): readonly string[] =>
  placed
    .toReversed()
    .flatMap((one) => [
      [one.pod, whereIn(one), `score ${String(one.score)}`, ago(one.at, now)].join('  '),
      `  ${one.policy}${one.pool === undefined ? '' : `, ${one.pool}`}: ${termsIn(one)}; ${nextIn(one)}`,
    ]);
