import { RouseError } from '../core/index.ts';

/** What the process ends with; documented in `rouse --help` and docs/reference/cli.md. */
export const exitCode = {
  ok: 0,
  /** The command ran and found something wrong: mismatches, problems in a manifest, failed cases. */
  findings: 1,
  /** The command line, a file or a value in it is wrong: nothing was started, nothing was changed. */
  usage: 2,
  /** Something outside failed: a port in use, the API server out of reach. */
  failure: 3,
} as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** An error that ends the command with one sentence for the user and no stack trace. */
export class CommandError extends RouseError {
  readonly exitCode: ExitCode;

  constructor(code: 'usage' | 'failure', message: string, cause?: unknown) {
    super(code, message, { cause });
    this.exitCode = exitCode[code];
  }
}
