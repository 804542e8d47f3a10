import { systemClock } from '../../core/index.ts';
import { counted } from '../counted.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import { findCluster, refusedTo } from '../look/find-cluster.ts';
import { findController } from '../look/find-controller.ts';
import type { DoctorFlags } from '../flags.ts';
import { untilStopped } from '../interrupted.ts';
import { printed } from '../output.ts';
import { withProgress } from '../progress.ts';
import type { Style, Terminal } from '../terminal.ts';
import { checks } from './checks.ts';
import { diagnose, patientOf, type Diagnosis } from './diagnose.ts';

/** `rouse doctor`: every check with what it found, and of what is wrong how to mend it. Exit 1: something is wrong; a warning alone is not. */
export const runDoctor = async (flags: DoctorFlags, environment: Readonly<Record<string, string | undefined>>, terminal: Terminal): Promise<ExitCode> => {
  const cluster = await findCluster(flags);
  let diagnoses: readonly Diagnosis[] | undefined;
  try {
    // Without an API server nothing can be told.
    const reached = await withProgress(terminal, 'asking the API server', () => cluster.client.version());
    if (!reached.ok) throw refusedTo('read the version of the API server', reached.problem, cluster.connection);
    await untilStopped(async (signal) => {
      const controller = () => findController(flags, environment, () => undefined);
      const patient = patientOf({ cluster, controller, clock: systemClock, signal });
      let [left, last] = [checks.length, ''];
      const telling = checks.map((check) => ({
        ...check,
        run: async (given: typeof patient) => {
          last = check.about;
          const finding = await check.run(given);
          left--;
          return finding;
        },
      }));
      diagnoses = await withProgress(
        terminal,
        () => `${String(left)} checks left; ${last}`,
        () => diagnose(patient, telling),
      );
    });
  } finally {
    cluster.connection.close();
  }
  if (diagnoses === undefined) throw new CommandError('failure', 'stopped before every check was made: nothing can be said');
  const problems = diagnoses.filter(({ finding }) => finding.status === 'problem');
  if (flags.output !== undefined) {
    const document = { checks: diagnoses.map(({ check: { id, about }, finding }) => ({ id, about, ...finding })) };
    terminal.write(
      printed(
        flags.output,
        document,
        problems.map(({ check }) => check.id),
      ),
    );
  } else for (const line of lines(diagnoses, terminal)) terminal.write(`${line}\n`);
  return problems.length === 0 ? exitCode.ok : exitCode.findings;
};

const looks: Readonly<Record<Diagnosis['finding']['status'], readonly [word: string, style: Style]>> = {
  ok: ['ok', 'green'],
  skipped: ['-', 'dim'],
  warning: ['warning', 'yellow'],
  problem: ['PROBLEM', 'red'],
};

const lines = (diagnoses: readonly Diagnosis[], { paint }: Terminal): readonly string[] => {
  const width = Math.max(...diagnoses.map(({ check }) => check.id.length));
  const told = diagnoses.flatMap(({ check, finding }) => {
    const [word, style] = looks[finding.status];
    const line = `${paint(style, word.padEnd(7))}  ${check.id.padEnd(width)}  ${finding.says}`;
    return 'mend' in finding ? [line, `${' '.repeat(width + 11)}${paint('bold', 'mend:')} ${finding.mend}`] : [line];
  });
  const count = (status: Diagnosis['finding']['status']): number => diagnoses.filter(({ finding }) => finding.status === status).length;
  const summary = `${counted(diagnoses.length, 'check')}: ${counted(count('problem'), 'problem')}, ${counted(count('warning'), 'warning')}, ${String(count('skipped'))} skipped`;
  return [...told, summary];
};
