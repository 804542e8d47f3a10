import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import test from 'ava';
import { startRouse } from '../support/rouse-process.ts';

/** The scripts of `rouse completion`, in the shells that they are for. */

let directory: string;
test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rouse-completion-'));
  await writeFile(join(directory, 'rouse'), '#!/bin/sh\n[ "$1 $2 $3" = "status -o name" ] && echo deployments.apps/hello\n');
  await chmod(join(directory, 'rouse'), 0o755);
});
test.after.always(() => rm(directory, { recursive: true }));

const script = async (shell: string): Promise<string> => {
  const rouse = startRouse(['completion', shell]);
  if ((await rouse.ended) !== 0) throw new Error(rouse.errors());
  const path = join(directory, `rouse.${shell}`);
  await writeFile(path, `${rouse.lines.join('\n')}\n`);
  return path;
};

const said = (shell: string, ...args: readonly string[]): string => {
  const env = { ...process.env, PATH: `${directory}${delimiter}${process.env.PATH ?? ''}`, HOME: directory };
  const { stdout, stderr, status } = spawnSync(shell, args, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`${shell} ended with ${String(status)}: ${stderr}`);
  return stdout;
};

test('fish offers commands with what they do, flags, their values, and the names of workloads', async (t) => {
  const path = await script('fish');
  const offered = (line: string): string => said('fish', '--no-config', '-c', `source ${path}; complete -C '${line}'`);
  t.regex(offered('rouse st'), /^status\tWhat each workload has and wants/);
  t.regex(offered('rouse top --b'), /^--by\twhat comes first\n$/);
  t.regex(offered('rouse top --by h'), /^held\b/);
  t.regex(offered('rouse explain h'), /^hello\b/m);
  t.regex(offered('rouse completion z'), /^zsh\b/);
});

test('zsh takes the script for the completion of rouse', async (t) => {
  const path = await script('zsh');
  t.is(said('zsh', '-f', '-c', `autoload -U compinit; compinit -D -u; source ${path}; print $_comps[rouse]`), '_rouse\n');
  // What _arguments is given is what a user is offered.
  const given = said('zsh', '-f', '-c', `compdef() { }; source ${path}; _arguments() { state=argument; print -l -- "$@" }; words=(top); _rouse`);
  t.regex(given, /^\*--by\[what comes first\]:value:\(load held pods\)$/m);
  t.is(said('zsh', '-f', '-c', `compdef() { }; source ${path}; compadd() { print -l -- \${(P)2} }; _rouse_workloads`), 'hello\n');
});

test('bash takes it too, and offers the same', async (t) => {
  const path = await script('bash');
  const offered = (...words: readonly string[]): string =>
    said(
      'bash',
      '--norc',
      '-euc',
      `source ${path}; COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _rouse; printf '%s\\n' "\${COMPREPLY[@]}"`,
    );
  t.is(offered('rouse', 'sta'), 'status\n');
  t.is(offered('rouse', 'top', '--by', 'h'), 'held\n');
  t.is(offered('rouse', 'explain', 'hel'), 'hello\n');
});
