import type { GatewayId } from '../core/index.ts';

/** Whoever is to have a part of each pod. The order of claimants decides between equals. */
export interface Claimant {
  readonly id: GatewayId;
  /** Above 0: twice the weight, twice the part. */
  readonly weight: number;
}

/** A pod whose permits are to be divided, with the division as it is. */
export interface DividedPod {
  readonly id: string;
  readonly now: ReadonlyMap<GatewayId, number>;
}

/** By pod, by claimant: how many requests it may have in that pod. */
export type Division = ReadonlyMap<string, ReadonlyMap<GatewayId, number>>;

interface Part {
  readonly id: GatewayId;
  /** What it gets of each pod. */
  readonly floor: number;
  /** Its part of what the floors leave over, of all pods: rarely whole. */
  readonly due: number;
  /** Pods of which it gets one permit more than the floor. */
  extras: number;
}

/** How far it has more than its due. */
const surplus = ({ extras, due }: Part): number => extras - due;
const tolerance = 1e-9;

const give = (extra: Set<Part>, part: Part): void => {
  extra.add(part);
  part.extras += 1;
};

/** Who keeps the odd permits that it has, then who has the least of its due. */
const dealExtras = (pods: readonly DividedPod[], parts: readonly Part[], left: number): readonly Set<Part>[] => {
  const dealt = pods.map(() => new Set<Part>());
  const byNeed = (among: readonly Part[]): readonly Part[] => [...among].sort((a, b) => surplus(a) - surplus(b));
  for (const [index, extra] of dealt.entries()) {
    const keepers = parts.filter(({ id, floor }) => (pods[index]?.now.get(id) ?? 0) > floor);
    for (const part of (keepers.length > left ? byNeed(keepers) : keepers).slice(0, left)) give(extra, part);
  }
  for (const extra of dealt) for (const part of byNeed(parts)) if (extra.size < left && !extra.has(part)) give(extra, part);
  return dealt;
};

/** Moves odd permits from who has the most above its due to who has the least, until no two differ by more than one. */
const evenOut = (dealt: readonly Set<Part>[], parts: readonly Part[]): void => {
  const moveOne = (): boolean => {
    const sorted = [...parts].sort((a, b) => surplus(a) - surplus(b));
    for (const rich of sorted.toReversed())
      for (const poor of sorted) {
        if (surplus(rich) - surplus(poor) <= 1 + tolerance) break;
        const extra = dealt.find((each) => each.has(rich) && !each.has(poor));
        if (extra === undefined) continue;
        extra.delete(rich);
        rich.extras -= 1;
        give(extra, poor);
        return true;
      }
    return false;
  };
  // Each move brings the surpluses closer together, so it ends.
  while (moveOne());
};

/** Where there is one for each, nobody goes without. */
const spareNobody = (shares: ReadonlyMap<string, Map<GatewayId, number>>, parts: readonly Part[], permits: number): void => {
  if (permits < parts.length) return;
  const totals = new Map(parts.map(({ id }) => [id, 0]));
  for (const byHolder of shares.values()) for (const [id, share] of byHolder) totals.set(id, (totals.get(id) ?? 0) + share);
  for (const [id, total] of totals) {
    if (total > 0) continue;
    const [giver] = [...totals].reduce((most, each) => (each[1] > most[1] ? each : most));
    const from = [...shares.values()].reduce((most, each) => ((each.get(giver) ?? 0) > (most.get(giver) ?? 0) ? each : most));
    from.set(giver, (from.get(giver) ?? 0) - 1);
    from.set(id, (from.get(id) ?? 0) + 1);
    totals.set(giver, (totals.get(giver) ?? 0) - 1);
    totals.set(id, 1);
  }
};

/**
 * Divides `limit` permits of each pod among the claimants, in whole numbers. Each gets the whole part of what its weight asks for (Hamilton's method of largest remainders, as parliaments
 * use it), and the odd permits are dealt so that over all pods nobody is more than one off its due: with equal weights no two differ by more than one, at any pod or in all. As few
 * as possible change hands, and the same question has the same answer.
 */
export const divide = (pods: readonly DividedPod[], claimants: readonly Claimant[], limit: number): Division => {
  if (claimants.length === 0) return new Map(pods.map(({ id }) => [id, new Map<GatewayId, number>()]));
  const weights = claimants.reduce((sum, { weight }) => sum + weight, 0);
  const parts = claimants.map(({ id, weight }): Part => {
    const quota = (limit * weight) / weights;
    const floor = Math.floor(quota + tolerance);
    return { id, floor, due: (quota - floor) * pods.length, extras: 0 };
  });
  const left = limit - parts.reduce((sum, { floor }) => sum + floor, 0);
  const dealt = dealExtras(pods, parts, left);
  evenOut(dealt, parts);
  const shares = new Map(pods.map(({ id }, index) => [id, new Map(parts.map((part) => [part.id, part.floor + (dealt[index]?.has(part) === true ? 1 : 0)]))]));
  spareNobody(shares, parts, limit * pods.length);
  return shares;
};
