import { annotation, systemClock, type Result } from '../../core/index.ts';
import { createTransport, objectPath, type KubeObject, type Refusal } from '../../kube/index.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import { findCluster, refusedTo, type FoundCluster } from './find-cluster.ts';
import { findWorkload, noSuchWorkload, type FoundWorkload } from './find-workload.ts';
import type { SwitchFlags } from '../flags.ts';
import { objectDiff } from './object-diff.ts';
import { withProgress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';

/** Not that of the controller, whose own writes its webhooks let pass. */
const fieldManager = 'rouse-cli';

interface Patched {
  readonly answer: Result<unknown, Refusal>;
  readonly warnings: readonly string[];
}

/** Only our annotation is written, whatever else of the workload changes in the meantime. */
const patch = async ({ connection, namespace }: FoundCluster, { resource, object }: FoundWorkload, on: boolean, dryRun: boolean): Promise<Patched> => {
  const warnings: string[] = [];
  const send = createTransport({ connection, clock: systemClock, onWarning: (warning) => warnings.push(warning) });
  const path = objectPath(resource, { namespace, name: object.metadata?.name ?? '' });
  const answer = await send({
    method: 'PATCH',
    path: `${path ?? ''}?fieldManager=${fieldManager}${dryRun ? '&dryRun=All' : ''}`,
    body: { metadata: { annotations: { [annotation.enabled]: on ? 'true' : null } } },
    contentType: 'application/merge-patch+json',
  });
  return { answer, warnings };
};

/** `rouse enable NAME` and `rouse disable NAME`: what the API server would make of it is shown, and somebody has to agree. */
export const runSwitch = async (name: string, on: boolean, flags: SwitchFlags, terminal: Terminal): Promise<ExitCode> => {
  const cluster = await findCluster(flags);
  try {
    return await withProgress(terminal, 'asking the API server', () => findWorkload(cluster, name)).then(({ found, suggestion, name: asked }) => {
      if (found !== undefined) return turn(cluster, found, on, flags, terminal);
      terminal.note(`rouse: ${noSuchWorkload(cluster.namespace, asked, suggestion)}`);
      return exitCode.findings;
    });
  } finally {
    cluster.connection.close();
  }
};

const turn = async (cluster: FoundCluster, workload: FoundWorkload, on: boolean, { yes = false }: SwitchFlags, terminal: Terminal): Promise<ExitCode> => {
  const { resource, object } = workload;
  const name = `${resource.kind.toLowerCase()} ${cluster.namespace}/${object.metadata?.name ?? ''}`;
  const value = object.metadata?.annotations?.[annotation.enabled];
  if (on ? value === 'true' : value === undefined) {
    terminal.write(`${name} ${on ? 'is enabled already' : 'is not enabled'}: nothing to change\n`);
    return exitCode.ok;
  }
  const tried = await withProgress(terminal, 'trying it', () => patch(cluster, workload, on, true));
  if (!tried.answer.ok) return refused(cluster, name, tried.answer.problem, terminal);
  for (const line of objectDiff(object, tried.answer.value as KubeObject, terminal)) terminal.write(`${line}\n`);
  for (const warning of tried.warnings) terminal.note(`warning: ${warning}`);
  // Our admission says of whatever is switched on how it will be scaled.
  const isHeard = !on || tried.warnings.some((warning) => warning.startsWith('Rouse: '));
  if (!isHeard) terminal.note('warning: no controller of Rouse has looked at this: nothing scales it until one runs there (rouse doctor says what is wrong)');
  if (!yes) {
    const said = await terminal.ask(`Write this to ${name}? [y/N] `);
    if (said === undefined) throw new CommandError('usage', 'nothing was changed: nobody can be asked here; say --yes');
    if (!/^y(es)?$/i.test(said.trim())) {
      terminal.note('nothing was changed');
      return exitCode.findings;
    }
  }
  const { answer } = await withProgress(terminal, 'writing', () => patch(cluster, workload, on, false));
  if (!answer.ok) return refused(cluster, name, answer.problem, terminal);
  terminal.write(
    on
      ? `${name} enabled: Rouse onboards it ${isHeard ? 'in a moment' : 'once a controller runs'}, without restarting a pod (rouse status; keep rouse.dev/enabled in its manifest too)\n`
      : `${name} disabled: Rouse hands it back, with the pods that it had before or needs now (rouse events; take rouse.dev/enabled out of its manifest too)\n`,
  );
  return exitCode.ok;
};

/** What admission refuses is wrong with the workload; the rest is not about it. */
const refused = ({ connection }: FoundCluster, name: string, problem: Refusal, terminal: Terminal): ExitCode => {
  if (!/admission webhook/.test(problem.message)) throw refusedTo(`patch the ${name}`, problem, connection);
  terminal.note(`rouse: nothing was changed: ${problem.message}`);
  return exitCode.findings;
};
