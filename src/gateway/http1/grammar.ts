/** The alphabets of HTTP/1.1, as tables: `table[code] === 1` where the character may stand there. */

const tableOf = (allowed: (code: number) => boolean): Uint8Array => Uint8Array.from({ length: 256 }, (_, code) => (allowed(code) ? 1 : 0));

const tokenMarks = "!#$%&'*+-.^_`|~";
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
const isLetter = (code: number): boolean => (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

/** Of a token: methods and field names (RFC 9110 §5.6.2). */
export const tokenCodes = tableOf((code) => tokenMarks.includes(String.fromCharCode(code)) || isDigit(code) || isLetter(code));

/** Of a field value or reason phrase: visible characters, blanks, and obs-text (RFC 9110 §5.5). */
export const valueCodes = tableOf((code) => code === 0x09 || (code >= 0x20 && code !== 0x7f));

/** Of a request target. Wider than RFC 3986, as clients are (`|`, `"`, `{`); without `#`, behind which some would cut it off, and without bytes above ASCII. */
export const targetCodes = tableOf((code) => code > 0x20 && code < 0x7f && code !== 0x23);

export const codes = { tab: 0x09, lineFeed: 0x0a, carriageReturn: 0x0d, space: 0x20, colon: 0x3a, semicolon: 0x3b, lowerF: 0x66, lowerX: 0x78 } as const;
