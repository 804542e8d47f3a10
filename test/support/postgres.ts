import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { freePort } from './free-port.ts';
import { runProgram, startProgram, type ProgramOptions, type ProgramResult, type RunningProgram } from './real-program.ts';
import { until } from './until.ts';

/** The data of a PostgreSQL server that runs only while somebody wants it. */
export interface Postgres {
  /** Starts the server, which ends with the test, and gives its port when it takes queries. */
  start(t: ExecutionContext): Promise<{ readonly port: number; readonly server: RunningProgram }>;
  remove(): Promise<void>;
}

const noTest = { teardown: (): void => undefined };
const isRoot = process.getuid?.() === 0;

/** PostgreSQL refuses to be root. */
const asPostgres = (command: string, ...args: readonly string[]): readonly [string, ...string[]] =>
  isRoot ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', '--', command, ...args] : [command, ...args];

export const createPostgres = async (): Promise<Postgres> => {
  const cwd = await mkdtemp(join(tmpdir(), 'rouse-postgres-'));
  const run = async (command: string, ...args: readonly string[]): Promise<ProgramResult> => {
    const result = await runProgram(noTest, command, args, { cwd });
    if (result.code !== 0) throw new Error(`${command} ended with ${String(result.code)}: ${result.errors}`);
    return result;
  };
  if (isRoot) await chown(cwd, Number((await run('id', '-u', 'postgres')).text), Number((await run('id', '-g', 'postgres')).text));
  const data = join(cwd, 'data');
  await run(...asPostgres('initdb', '-D', data, '-A', 'trust', '-N', '-U', 'postgres'));
  const settings = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'log_connections=on'].flatMap((setting) => ['-c', setting]);
  return {
    start: async (t) => {
      const port = await freePort();
      const [command, ...args] = asPostgres('postgres', '-D', data, '-p', String(port), '-k', cwd, '-h', '127.0.0.1', ...settings);
      const server = startProgram(t, command, args, { cwd, limitMs: 120_000 });
      t.teardown(() => server.stop('SIGQUIT')); // before it is killed: that would leave its shared memory behind
      const isReady = async (): Promise<boolean> => (await runProgram(t, 'pg_isready', ['-q', '-h', '127.0.0.1', '-p', String(port)])).code === 0;
      await until('PostgreSQL takes queries', isReady, 15_000, server.errors);
      return { port, server };
    },
    remove: () => rm(cwd, { recursive: true }),
  };
};

const quiet = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-U', 'postgres', '-d', 'postgres'];

/** psql with its statements on standard input, or as the arguments say. */
export const startPsql = (t: ExecutionContext, port: number, args: readonly string[], options?: ProgramOptions): RunningProgram =>
  startProgram(t, 'psql', [...quiet, '-p', String(port), ...args], options);

/** What a psql says that succeeds. */
export const psql = async (t: ExecutionContext, port: number, statement: string, options?: ProgramOptions): Promise<string> => {
  const { code, text, errors } = await startPsql(t, port, ['-c', statement], options).ended;
  if (code !== 0) throw new Error(`psql ended with ${String(code)}: ${errors}`);
  return text;
};

/** How many connections the server says that it has taken before this call, which makes one: what it said of the others has been read when its own words have. */
export const connectionsTaken = async (t: ExecutionContext, { port, server }: { readonly port: number; readonly server: RunningProgram }): Promise<number> => {
  const told = `asked at ${performance.now()}`;
  await psql(t, port, `do $$ begin raise log '${told}'; end $$`);
  await until('the server has told of it', () => server.errors().includes(told));
  return (server.errors().match(/connection received/g)?.length ?? 0) - 1;
};
