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

const clearLine = '\r\u001B[K';

/** The terminal of this process. */
export const ownTerminal = (): Terminal => {
  const { stdin, stdout, stderr } = process;
  return {
    write: (text) => void stdout.write(text),
    note: (line) => void stderr.write(`${line}\n`),
    paint: (style, text) => styleText(style, text, { stream: stdout }),
    get size() {
      return stdout.isTTY ? { columns: stdout.columns, rows: stdout.rows } : undefined;
    },
    progress: (line) => {
      if (stderr.isTTY) stderr.write(line === undefined ? clearLine : `${clearLine}${line.slice(0, Math.max(1, stderr.columns - 1))}`);
    },
    ask: async (question) => {
      if (!stdin.isTTY || !stderr.isTTY) return undefined;
      const { createInterface } = await import('node:readline/promises');
      const lines = createInterface({ input: stdin, output: stderr });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    },
  };
};
