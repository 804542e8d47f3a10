import type { RoutingNotice } from './ports.ts';

const most = 10_000;

/** Passes on what is news. A takeover or hand-back makes everything about its workload news again. */
export const onlyNews = (tell: (notice: RoutingNotice) => void): ((notice: RoutingNotice) => void) => {
  const told = new Map<string, Set<string>>();
  return (notice) => {
    if (notice.reason === 'ServiceTakenOver' || notice.reason === 'ServiceHandedBack') {
      told.delete(notice.workload);
      return tell(notice);
    }
    const text = `${notice.reason} ${notice.message}`;
    const before = told.get(notice.workload);
    if (before?.has(text) === true) return;
    if (told.size >= most) told.clear();
    told.set(notice.workload, (before ?? new Set<string>()).add(text));
    tell(notice);
  };
};
