import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf } from '../../core/index.ts';
import { counted } from '../counted.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import { replayCase } from './golden-replay.ts';
import { parseGoldenCase } from './golden-trace.ts';
import { openedFile } from '../read-bounded.ts';
import { TraceReplay } from './trace-replay.ts';

const usage = (path: string, problem: string, cause?: unknown): CommandError => new CommandError('usage', `cannot replay ${path}: ${problem}`, cause);

/** Reads the file as text, unpacking `.gz`; an error of the disk or the archive reaches the reader of the stream. */
const open = (path: string): Readable => {
  const file = openedFile(path);
  if (!path.endsWith('.gz')) return file;
  const text = createGunzip();
  pipeline(file, text, () => undefined);
  return text;
};

/** A case of Knative's, which is one line, has a few megabytes at the most. */
const longestLine = 64 * 2 ** 20;

interface Line {
  readonly number: number;
  readonly text: string;
}

const whyUnread = (thrown: unknown): string => {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a directory; name the files in it' : messageOf(thrown);
};

async function* linesOf(path: string): AsyncGenerator<Line> {
  const stream = open(path);
  let number = 0;
  try {
    let [begun, length]: [string[], number] = [[], 0];
    for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = chunk.split('\n');
      const last = lines.pop() ?? '';
      for (const text of lines) {
        yield { number: (number += 1), text: begun.length === 0 ? text : begun.join('') + text };
        [begun, length] = [[], 0];
      }
      begun.push(last);
      length += last.length;
      if (length > longestLine) throw new Error(`line ${String(number + 1)} is longer than ${String(longestLine / 2 ** 20)} MiB`);
    }
    yield { number: number + 1, text: begun.join('') };
  } catch (thrown) {
    throw usage(path, whyUnread(thrown), thrown);
  } finally {
    stream.destroy();
  }
}

const beginning = (path: string, number: number, text: string): TraceReplay | undefined => {
  try {
    return TraceReplay.begin(text);
  } catch (thrown) {
    throw usage(path, `line ${String(number)} ${messageOf(thrown)}`, thrown);
  }
};

/**
 * Decides recorded traces again and compares: Knative's (a case a line, under policy `kpa`), and those that the controller's journal exports. Writes one line per difference (case, tick, field, want, got) and last
 * `CASES cases, TICKS ticks, K mismatches`. Gives exit code 1 if K > 0; throws a `CommandError` for a file that is not there or no trace.
 */
export const replayFiles = async (paths: readonly string[], write: (line: string) => void): Promise<ExitCode> => {
  let [cases, ticks, mismatches] = [0, 0, 0];
  for (const path of paths) {
    let createdAt = 0;
    const before = cases;
    let own: TraceReplay | undefined;
    for await (const { number, text } of linesOf(path)) {
      if (text.trim() === '') continue;
      const begun = beginning(path, number, text);
      if (begun !== undefined) {
        own = begun;
        cases += 1;
        continue;
      }
      if (own !== undefined) {
        const known = own.ticks;
        const found = await own.line(text).catch((thrown: unknown) => {
          throw usage(path, `line ${String(number)} ${messageOf(thrown)}`, thrown);
        });
        ticks += own.ticks - known;
        mismatches += found.length;
        for (const line of found) write(line);
        continue;
      }
      const parsed = parseGoldenCase(text);
      if (!parsed.ok) throw usage(path, `line ${String(number)}: ${parsed.problem}`);
      cases += 1;
      ticks += parsed.value.ticks.length;
      const replayed = replayCase(parsed.value, createdAt);
      createdAt = replayed.createdAt;
      for (const { tick, field, want, got } of replayed.mismatches) {
        mismatches += 1;
        write(`case ${parsed.value.name}, tick ${String(tick)}, ${field}: want ${String(want)}, got ${String(got)}`);
      }
    }
    if (cases === before) throw usage(path, 'it holds no case');
  }
  write(`${counted(cases, 'case')}, ${counted(ticks, 'tick')}, ${counted(mismatches, 'mismatch', 'mismatches')}`);
  return mismatches > 0 ? exitCode.findings : exitCode.ok;
};
