import { readFileSync } from 'node:fs';
import test from 'ava';
import { silentLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import { startControllers, startEmbeddedApi } from '../../src/local/index.ts';
import { caseTable } from '../conformance/case-table.ts';
import { groups } from '../conformance/cases/index.ts';
import { caseName } from '../conformance/case.ts';
import { runSuite } from '../conformance/suite.ts';

const names = groups.flatMap((group) => group.cases.map((one) => caseName(group, one)));

test('The embedded API answers every conformance case as kube-apiserver does', async (t) => {
  t.timeout(100_000);
  const embedded = await startEmbeddedApi({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    httpsPort: 0,
    logSource: { open: () => ({ kind: 'missing', message: 'there is no kubelet here' }) },
  });
  const controllers = startControllers(embedded.api, systemClock, systemRandom, silentLogger);
  t.teardown(async () => {
    controllers.close();
    await embedded.close();
  });
  const problems: string[] = [];
  const { passed, failed } = await runSuite({
    target: { url: embedded.url, token: embedded.adminToken, ca: embedded.caPem, insecure: false },
    webhookHost: '127.0.0.1',
    parallel: 16,
    report: ({ name, problem }) => {
      if (problem !== undefined) problems.push(`${name}: ${problem}`);
    },
  });
  t.deepEqual(problems, []);
  t.deepEqual({ passed, failed }, { passed: names.length, failed: 0 });
});

test('There are at least 150 conformance cases, each with a name of its own', (t) => {
  t.true(names.length >= 150);
  t.is(new Set(names).size, names.length);
});

test('docs/reference/embedded.md has a row for each conformance case, and no other', (t) => {
  const page = readFileSync(new URL('../../docs/reference/embedded.md', import.meta.url), 'utf8');
  const rows = (text: string): string[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) =>
        line
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim())
          .join('|'),
      );
  const cases = rows(page).filter((row) => !/^\|-+\|/.test(row));
  t.deepEqual(
    cases.filter((row) => row.split('|').length === 5 && row !== '|Call|Who relies on it|Conformance case|'),
    rows(caseTable()).slice(2),
    'run: node test/conformance/main.ts --list',
  );
});
