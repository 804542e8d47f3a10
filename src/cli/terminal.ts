import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

/** Where a command's words go, and what can be done there. */
export interface Terminal {
  /** Standard output: what was asked for. */
  readonly write: (text: string) => void;
  /** Standard error, a line: what is said besides. */
  readonly note: (line: string) => void;
  /** Colours where standard output is a terminal and `NO_COLOR` does not forbid it. */
  readonly paint: (style: Style, text: string) => string;
  /** Of standard output; undefined: that is no terminal. */
  readonly size: { readonly columns: number; readonly rows: number } | undefined;
  /** Shows `line` in the last line of standard error until the next call; nothing where that is no terminal. */
  readonly progress: (line: string | undefined) => void;
  /** Somebody can be asked. Resolves with what was typed; undefined where nobody is there. */
  readonly ask: (question: string) => Promise<string | undefined>;
}

/** Some do not know how large they are, and say 0. */
const usual = { columns: 80, rows: 24 };
const clearLine = '\r\u001B[K';

/** The terminal of this process. */
export const ownTerminal = (): Terminal => {
  const { stdin, stdout, stderr } = process;
  let shows = false;
  /** What is said comes in place of the line of progress. */
  const clear = (): void => {
    if (shows) stderr.write(clearLine);
    shows = false;
  };
  return {
    write: (text) => {
      clear();
      stdout.write(text);
    },
    note: (line) => {
      clear();
      stderr.write(`${line}\n`);
    },
    paint: (style, text) => styleText(style, text, { stream: stdout }),
    get size() {
      return stdout.isTTY ? { columns: stdout.columns || usual.columns, rows: stdout.rows || usual.rows } : undefined;
    },
    progress: (line) => {
      clear();
      if (line === undefined || !stderr.isTTY) return;
      stderr.write(line.slice(0, (stderr.columns || usual.columns) - 1));
      shows = true;
    },
    ask: async (question) => {
      if (!stdin.isTTY || !stderr.isTTY) return undefined;
      const { createInterface } = await import('node:readline/promises');
      const lines = createInterface({ input: stdin, output: stderr });
      // Ctrl-C and the end of input are no answer, and no yes.
      const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
      try {
        return await Promise.race([lines.question(question), ended]);
      } finally {
        lines.close();
      }
    },
  };
};
