import { instant, type Instant } from './units.ts';

/** RFC 3339, section 5.6, with the blank that its note allows. */
const dateTime = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}:\d{2}:\d{2}(?:\.\d+)?)([Zz]|[+-]\d{2}:\d{2})$/;

/** A time of RFC 3339; undefined if it is none. `Date.parse` alone would make a 3 March of a 31 February. */
export const parseRfc3339 = (text: string): Instant | undefined => {
  const match = dateTime.exec(text);
  if (match === null) return undefined;
  const [year = '', month = '', day = '', time = '', zone = ''] = match.slice(1);
  const days = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  const at = Number(day) > days ? Number.NaN : Date.parse(`${year}-${month}-${day}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(at) ? undefined : instant(at);
};
