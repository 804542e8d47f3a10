import { spawnSync } from 'node:child_process';
import test from 'ava';
import { Argument, Command, Option } from 'commander';
import { completionScript } from './completion.ts';

const program = new Command('rouse').addCommand(
  new Command('look')
    .description("what's there: everything [really]")
    .argument('[name]', 'workload')
    .addOption(new Option('-o, --output <form>', 'data').choices(['json', 'yaml']))
    .addOption(new Option('--spec <file>', 'manifest'))
    .addOption(new Option('-w, --watch', 'go on')),
);
program.addCommand(new Command('shell').addArgument(new Argument('<shell>').choices(['bash', 'zsh'])));

/** What bash offers for the last of `words`. */
const offered = (...words: readonly string[]): readonly string[] => {
  const script = `rouse() { echo deployments.apps/hello; echo deployments.apps/help; }
${completionScript(program, 'bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _rouse; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-euc', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout.split('\n').filter((word) => word !== '');
};

test('bash completes commands, flags, their values, closed words and names of workloads', (t) => {
  t.deepEqual(offered('rouse', ''), ['look', 'shell']);
  t.deepEqual(offered('rouse', 'lo'), ['look']);
  t.deepEqual(offered('rouse', 'look', '--w'), ['--watch']);
  t.deepEqual(offered('rouse', 'look', '-o', ''), ['json', 'yaml']);
  t.deepEqual(offered('rouse', 'look', '--output', 'y'), ['yaml']);
  t.deepEqual(offered('rouse', 'look', 'hel'), ['hello', 'help']);
  t.deepEqual(offered('rouse', 'look', '--spec', 'READ'), ['README.md']);
  t.deepEqual(offered('rouse', 'shell', 'b'), ['bash']);
});

test('for zsh and fish the same is said in their words, with what needs quoting quoted', (t) => {
  const zsh = completionScript(program, 'zsh');
  t.regex(zsh, /^#compdef rouse\n/);
  t.true(zsh.includes(String.raw`'look:what'\''s there\: everything [really]'`), zsh);
  t.true(zsh.includes("'*--output[data]:value:(json yaml)'"), zsh);
  t.true(zsh.includes("'*:workload:_rouse_workloads'"), zsh);
  const fish = completionScript(program, 'fish');
  t.true(fish.includes(String.raw`-a look -d 'what\'s there: everything [really]'`), fish);
  t.true(fish.includes("-s o -l output -x -a 'json yaml' -d 'data'"), fish);
});
