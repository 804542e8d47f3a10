import { groups } from './cases/index.ts';
import { caseName } from './case.ts';

const escaped = (text: string): string => text.replaceAll('|', '\\|');

/** The table of docs/reference/embedded.md: a row a case. */
export const caseTable = (): string =>
  [
    '| Call | Who relies on it | Conformance case |',
    '| --- | --- | --- |',
    ...groups.flatMap((group) => group.cases.map((one) => `| ${escaped(one.call)} | ${escaped(one.by)} | ${escaped(caseName(group, one))} |`)),
  ].join('\n');
