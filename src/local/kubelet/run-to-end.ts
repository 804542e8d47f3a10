import type { ProcessGuard } from './guard/process-guard.ts';

const mostOutput = 10 * 1024;

/** Runs a command of a probe or hook to its end. Rejects with the signal's reason when `signal` aborts: the command is killed then. */
export const runToEnd = async (
  guard: ProcessGuard,
  spec: { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>>; readonly cwd: string },
  signal: AbortSignal,
): Promise<{ readonly exitCode: number; readonly output: string }> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const outcome = await guard.start({
    ...spec,
    onOutput: (_stream, chunk) => {
      if (bytes < mostOutput) chunks.push(Buffer.from(chunk));
      bytes += chunk.length;
    },
  });
  if (outcome.kind === 'failed') return { exitCode: 127, output: `cannot run "${spec.argv[0] ?? ''}": ${outcome.message}` };
  const { process } = outcome;
  const kill = (): void => {
    process.signal('SIGKILL');
  };
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  const { exitCode } = await process.exited;
  signal.removeEventListener('abort', kill);
  signal.throwIfAborted();
  return { exitCode, output: Buffer.concat(chunks).subarray(0, mostOutput).toString() };
};
