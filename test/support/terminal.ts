import { stripVTControlCharacters, styleText } from 'node:util';
import { CommandError } from '../../src/cli/exit-code.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

export interface Ended {
  readonly code: number;
  readonly out: string;
  /** What was said besides, and the error that ended it. */
  readonly errors: string;
}

export interface TerminalOptions {
  /** Left out: standard output is no terminal. */
  readonly size?: NonNullable<Terminal['size']>;
  /** What somebody types; left out: nobody is there. */
  readonly answer?: string;
  readonly wrote?: (out: string) => void;
  readonly unread?: AbortSignal;
}

/** Runs a command in this process: one of its own takes a second to begin. Exit code and words are those of `rouse`. */
export const runHere = async (
  command: (terminal: Terminal) => Promise<number>,
  { size, answer, wrote, unread = new AbortController().signal }: TerminalOptions = {},
): Promise<Ended> => {
  let [out, errors] = ['', ''];
  const terminal: Terminal = {
    write: (text) => {
      out += text;
      wrote?.(out);
    },
    unread,
    note: (line) => {
      errors += `${line}\n`;
    },
    paint: (style, text) => (size === undefined ? text : styleText(style, text, { validateStream: false })),
    size,
    progress: () => undefined,
    ask: (question) => {
      errors += question;
      return Promise.resolve(answer);
    },
  };
  try {
    return { code: await command(terminal), out, errors };
  } catch (failure) {
    if (!(failure instanceof CommandError)) throw failure;
    return { code: failure.exitCode, out, errors: errors + failure.message };
  }
};

export const plain = stripVTControlCharacters;

/** A kubeconfig of somebody with the token `secret`, whose context names the namespace `team`. */
export const kubeconfigFor = (server: string): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'c', cluster: { server } }],
  users: [{ name: 'u', user: { token: 'secret' } }],
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'team' } }],
  'current-context': 'x',
});
