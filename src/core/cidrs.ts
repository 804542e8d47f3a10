import { failed, ok, type Result } from './result.ts';

const isCidr = (text: string): boolean => {
  const [address = '', bits = '', ...more] = text.split('/');
  if (more.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
  if (/^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}$/.test(address)) return Number(bits) <= 32 && !/(?:^|\.)0\d/.test(address) && !address.endsWith('.');
  return Number(bits) <= 128 && address.includes(':') && /^[0-9a-f:.]+$/i.test(address) && URL.canParse(`http://[${address}]/`);
};

/** More are a mistake: they are gone through one by one. */
export const mostCidrs = 1000;

/** `10.0.0.0/8,fd00::/8`, blanks around the commas allowed; what is wrong is told as `has …`. */
export const parseCidrs = (text: string): Result<readonly string[], string> => {
  const items = text.trim() === '' ? [] : text.split(',').map((item) => item.trim());
  const bad = items.find((item) => !isCidr(item));
  if (bad !== undefined) return failed(`has ${JSON.stringify(bad)}`);
  return items.length > mostCidrs ? failed(`has ${items.length} of them`) : ok(items);
};
