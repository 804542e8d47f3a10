import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

/** Where a command's words go, and what can be done there. */
export interface Terminal {
  /** Standard output: what was asked for. */
  readonly write: (text: string) => void;
  /** Aborts when nobody reads standard output any more (`| head -1`): who goes on until stopped stops, and everybody else's work goes on unseen. */
  readonly unread: AbortSignal;
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
/** What somebody sets counts more than what the terminal says (POSIX, Environment Variables). */
const told = (name: 'COLUMNS' | 'LINES'): number | undefined => {
  const value = Number(process.env[name]);
  return Number.isInteger(value) && value > 0 ? value : undefined;
};
const clearLine = '\r\u001B[K';

/** The terminal of this process. */
export const ownTerminal = (): Terminal => {
  const { stdin, stdout, stderr } = process;
  const unread = new AbortController();
  let writes = false;
  let shows = false;
  /** What is said comes in place of the line of progress. */
  const clear = (): void => {
    if (shows) stderr.write(clearLine);
    shows = false;
  };
  return {
    write: (text) => {
      clear();
      if (!writes)
        stdout.on('error', (failure: NodeJS.ErrnoException) => {
          // What is written behind that fails, too.
          if (failure.code !== 'EPIPE' && !unread.signal.aborted) throw failure;
          unread.abort();
        });
      writes = true;
      stdout.write(text);
    },
    unread: unread.signal,
    note: (line) => {
      clear();
      stderr.write(`${line}\n`);
    },
    paint: (style, text) => styleText(style, text, { stream: stdout }),
    get size() {
      return stdout.isTTY ? { columns: told('COLUMNS') ?? (stdout.columns || usual.columns), rows: told('LINES') ?? (stdout.rows || usual.rows) } : undefined;
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

const paintOrCharacter = /\u001B\[[\d;]*m|./gsu;

/** The first `columns` characters of a line that may be painted; what paints takes no room, and ends as it would. */
export const clipped = (line: string, columns: number): string => {
  let room = columns;
  return line.replaceAll(paintOrCharacter, (part) => (part.startsWith('\u001B') || room-- > 0 ? part : ''));
};
