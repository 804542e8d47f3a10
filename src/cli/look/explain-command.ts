import type { Explanation } from '../../scaler/index.ts';
import { problemIn } from './controller-answer.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import { findController } from './find-controller.ts';
import type { ExplainFlags } from '../flags.ts';
import { objectName, printed, type DataForm } from '../output.ts';

const accepts = { text: 'text/plain', json: 'application/json', yaml: 'application/json', name: 'application/json', trace: 'application/jsonl' } as const;

const data = (form: DataForm, body: string): string => {
  const explanation = JSON.parse(body) as Pick<Explanation, 'workload'>;
  return printed(form, explanation, [objectName(explanation.workload)]);
};

/** `rouse explain NAME`: what the controller says is printed as it is, so that command and controller may be of different versions. */
export const runExplain = async (
  name: string,
  { output, at, ...flags }: ExplainFlags,
  environment: Readonly<Record<string, string | undefined>>,
  write: (text: string) => void,
  note: (line: string) => void,
): Promise<ExitCode> => {
  if (output === 'trace' && at !== undefined) throw new CommandError('usage', '--at goes with every --output but trace: that is all that there is');
  if (name === '' || name.includes('/'))
    throw new CommandError('usage', `${name}: want the name of a workload alone, e.g. hello, and its namespace with --namespace`);
  const controller = await findController(flags, environment, note);
  try {
    const namespace = flags.namespace ?? controller.namespace ?? 'default';
    const workload = `/workloads/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
    const path = output === 'trace' ? `${workload}/trace` : `${workload}/explain${at === undefined ? '' : `?at=${encodeURIComponent(at)}`}`;
    const { status, body } = await controller.get(path, accepts[output]);
    if (status === 200) {
      write(output === 'text' || output === 'trace' ? body : data(output, body));
      return exitCode.ok;
    }
    const problem = problemIn(body);
    if (status === 400) throw new CommandError('usage', problem);
    note(`rouse: ${problem}`);
    return status === 404 ? exitCode.findings : exitCode.failure;
  } finally {
    controller.close();
  }
};
