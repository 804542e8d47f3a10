/**
 * True if `version` is known to be no newer than `than`. Versions of one kind on one server are decimal numbers of any length that only
 * grow (KEP-5504); any other form compares as unknown, which is false.
 */
export const isNoNewer = (version: string, than: string): boolean => {
  if (version === than) return true;
  if (!decimal.test(version) || !decimal.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
};

const decimal = /^[1-9]\d*$/;
