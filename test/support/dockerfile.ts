import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, stat } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Instruction {
  readonly name: string;
  readonly argument: string;
}

/** From one FROM to the next. */
export interface Stage {
  readonly image: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile: comments, continued lines and one instruction a line, which is all that ours has. */
export const stagesOf = (dockerfile: string): readonly Stage[] => {
  const stages: { image: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const line of dockerfile
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')) {
    const [, name = '', argument = ''] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? [];
    if (name === '') continue;
    if (name !== 'FROM') stages.at(-1)?.instructions.push({ name, argument });
    else {
      const [, image = '', as] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(argument) ?? [];
      stages.push({ image, name: as, instructions: [] });
    }
  }
  return stages;
};

/** What a stage comes to: its file system (without its base image's), and what it says of the process. */
export interface Built {
  readonly root: string;
  readonly workDirectory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly entrypoint: readonly string[];
}

export interface BuildContext {
  /** Where COPY without `--from` copies from. */
  readonly context: string;
  /** A folder for each stage is made in it. */
  readonly into: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Carries the stages out, each in an empty folder that stands for `/`: COPY as copies, RUN by the shell in the folder that WORKDIR names. */
export const buildStages = async (stages: readonly Stage[], { context, into, environment }: BuildContext): Promise<readonly Built[]> => {
  const built = new Map<string, Promise<Built>>();
  const one = async (stage: Stage, index: number): Promise<Built> => {
    let result: Built = { root: join(into, `stage-${index}`), workDirectory: '/', environment: {}, user: undefined, entrypoint: [] };
    await mkdir(result.root, { recursive: true });
    for (const instruction of stage.instructions) result = await carryOut(instruction, result, { context, built, environment });
    return result;
  };
  // As Docker does: stages side by side, each waiting only for those that it copies from.
  const all = stages.map((stage, index) => {
    const building = Promise.resolve().then(() => one(stage, index));
    built.set(stage.name ?? String(index), building);
    return building;
  });
  return Promise.all(all);
};

interface Around {
  readonly context: string;
  readonly built: ReadonlyMap<string, Promise<Built>>;
  readonly environment: Readonly<Record<string, string>>;
}

const carryOut = async ({ name, argument }: Instruction, so: Built, around: Around): Promise<Built> => {
  const inside = (path: string): string => join(so.root, isAbsolute(path) ? path : join(so.workDirectory, path));
  switch (name) {
    case 'WORKDIR':
      await mkdir(inside(argument), { recursive: true });
      return { ...so, workDirectory: isAbsolute(argument) ? argument : join(so.workDirectory, argument) };
    case 'COPY':
      await copy(argument, inside, around);
      return so;
    case 'RUN':
      await run('sh', ['-c', argument], { cwd: inside('.'), env: { ...around.environment, ...so.environment }, maxBuffer: 1 << 24 });
      return so;
    case 'ENV':
      return { ...so, environment: { ...so.environment, ...Object.fromEntries(argument.split(/\s+/).map((pair) => pair.split('=', 2) as [string, string])) } };
    case 'USER':
      return { ...so, user: argument };
    case 'ENTRYPOINT':
      return { ...so, entrypoint: JSON.parse(argument) as readonly string[] };
    case 'LABEL':
    case 'EXPOSE':
      return so;
    default:
      throw new Error(`${name} is not known here: teach test/support/dockerfile.ts what it does`);
  }
};

/** `COPY [--from=STAGE] SOURCE… TARGET`: folders are copied by content, and several sources go into the target folder. */
const copy = async (argument: string, inside: (path: string) => string, { context, built }: Around): Promise<void> => {
  const words = argument.split(/\s+/);
  const from = words[0]?.startsWith('--from=') === true ? words.shift()?.slice('--from='.length) : undefined;
  const target = words.pop() ?? '.';
  const stage = from === undefined ? undefined : await built.get(from);
  if (from !== undefined && stage === undefined) throw new Error(`COPY --from=${from}: there is no such stage`);
  for (const source of words) {
    const path = join(stage?.root ?? context, source);
    if ((await stat(path)).isDirectory())
      for (const entry of await readdir(path)) await cp(join(path, entry), join(inside(target), entry), { recursive: true, verbatimSymlinks: true });
    else await cp(path, target.endsWith('/') || words.length > 1 ? join(inside(target), basename(source)) : inside(target));
  }
};
