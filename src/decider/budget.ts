/** What one workload lays claim to of a budget. Whole numbers from 0. */
export interface BudgetClaim {
  /** One of its own; decides between equals where the last pods cannot be shared. */
  readonly key: string;
  readonly namespace: string;
  /** Pods that it has. */
  readonly running: number;
  /** Pods that it asks for, budget aside. */
  readonly wanted: number;
  /** Pods of those that it has that nobody takes away (set by hand, paused, only observed): they are counted first. */
  readonly standing: number;
}

/** `Infinity` is no ceiling. */
export interface BudgetCeilings {
  readonly pods: number;
  /** Namespaces that are not named have no ceiling and priority 0. */
  readonly namespaces: ReadonlyMap<string, { readonly pods: number; readonly priority: number }>;
}

interface Part {
  readonly key: string;
  readonly claim: BudgetClaim;
  low: number;
  high: number;
  share: number;
}

/** The workloads of one namespace, and how many pods more they may have. */
interface Group {
  room: number;
  readonly parts: Part[];
}

const byKey = (a: Part, b: Part): number => (a.key < b.key ? -1 : 1);

/** Pods above their lows that bring every part to `level`, as far as it goes. */
const above = (parts: readonly Part[], level: number): number => {
  let sum = 0;
  for (const { low, high } of parts) sum += Math.max(0, Math.min(level, high) - low);
  return sum;
};

/** The highest whole level up to `top` that `room` is enough for; `need` does not fall with the level. */
const highestLevel = (need: (level: number) => number, room: number, top: number): number => {
  if (need(top) <= room) return top;
  let [fits, tooMuch] = [0, top];
  while (tooMuch - fits > 1) {
    const middle = Math.floor((fits + tooMuch) / 2);
    if (need(middle) <= room) fits = middle;
    else tooMuch = middle;
  }
  return fits;
};

/**
 * Progressive filling (Bertsekas and Gallager, Data Networks, 6.5.2): every part rises from its low at the same level, and stops at its high, where its
 * namespace is full, or where there is no room at all. Pods that are left over by rounding go to the lowest, by key. Returns the room that is left.
 */
const fill = (groups: readonly Group[], room: number): number => {
  let top = 0;
  for (const { parts } of groups) for (const { high } of parts) top = Math.max(top, high);
  const levels = groups.map((group) => highestLevel((level) => above(group.parts, level), group.room, top));
  const whole = groups.map((group) => Math.min(group.room, above(group.parts, top)));
  const common = highestLevel(
    (level) => groups.reduce((sum, { parts }, index) => sum + (level > (levels[index] ?? top) ? (whole[index] ?? 0) : above(parts, level)), 0),
    room,
    top,
  );
  let left = room;
  const next: { readonly part: Part; readonly group: Group }[] = [];
  groups.forEach((group, index) => {
    const level = Math.min(common, levels[index] ?? top);
    for (const part of group.parts) {
      part.share = Math.max(part.low, Math.min(level, part.high));
      left -= part.share - part.low;
      group.room -= part.share - part.low;
      if (part.share <= level && part.share < part.high) next.push({ part, group });
    }
  });
  if (left > 0) {
    next.sort((a, b) => a.part.share - b.part.share || byKey(a.part, b.part));
    for (const { part, group } of next) {
      if (left <= 0) break;
      if (group.room <= 0) continue;
      part.share += 1;
      left -= 1;
      group.room -= 1;
    }
  }
  return left;
};

/** The namespaces of each priority, highest first. */
const classesOf = (ceilings: BudgetCeilings, parts: readonly Part[]): readonly Group[][] => {
  const classes = new Map<number, Map<string, Group>>();
  for (const part of parts) {
    const { namespace, standing } = part.claim;
    const { pods = Number.POSITIVE_INFINITY, priority = 0 } = ceilings.namespaces.get(namespace) ?? {};
    const groups = classes.get(priority) ?? new Map<string, Group>();
    classes.set(priority, groups);
    const group = groups.get(namespace) ?? { room: pods, parts: [] };
    groups.set(namespace, group);
    group.room -= standing;
    group.parts.push(part);
  }
  return [...classes].sort(([a], [b]) => b - a).map(([, groups]) => [...groups.values()]);
};

/**
 * How many pods each claim gets, in the order of the claims. What a higher priority wants goes before everything that a lower one has. Among equals, first
 * everybody keeps what runs and is wanted, and only then is the rest shared out; both by max-min fairness: nobody gets more at the cost of one who has
 * less. So a share is less than what runs and is wanted only where a ceiling was lowered or a higher priority needs the room, and shares that have become
 * what runs are shared out the same way again. Pure; the order of the claims does not matter.
 */
export const shareBudget = (ceilings: BudgetCeilings, claims: readonly BudgetClaim[]): readonly number[] => {
  const parts = claims.map((claim): Part => ({ key: claim.key, claim, low: 0, high: 0, share: claim.standing }));
  let room = ceilings.pods;
  for (const { claim } of parts) room -= claim.standing;
  for (const groups of classesOf(ceilings, parts)) {
    for (const group of groups) group.room = Math.max(0, group.room);
    for (const highest of [({ wanted, running }: BudgetClaim) => Math.min(wanted, running), ({ wanted }: BudgetClaim) => wanted]) {
      for (const { parts: members } of groups)
        for (const part of members) {
          part.low = part.share;
          part.high = Math.max(part.low, highest(part.claim));
        }
      room = fill(groups, Math.max(0, room));
    }
  }
  return parts.map(({ share }) => share);
};
