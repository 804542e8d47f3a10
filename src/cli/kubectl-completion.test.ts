import test from 'ava';
import { Argument, Command, Option } from 'commander';
import { kubectlCompletion, type NamesOf } from './kubectl-completion.ts';

const program = new Command('rouse').addCommand(
  new Command('look')
    .description('what is there')
    .argument('[name]', 'workload')
    .addOption(new Option('-o, --output <form>', 'data').choices(['json', 'yaml']))
    .addOption(new Option('-n, --namespace <name>', 'its namespace'))
    .addOption(new Option('--spec <file>', 'manifest'))
    .addOption(new Option('-w, --watch', 'go on')),
);
program.addCommand(new Command('shell').addArgument(new Argument('<shell>').choices(['bash', 'zsh'])));
program.addCommand(new Command('play').argument('<file...>', 'traces'));

const names: NamesOf = ({ namespace }) => Promise.resolve(namespace === undefined ? ['hello', 'help', 'web'] : [`of-${namespace}`]);
const offered = (words: readonly string[], of = names): Promise<string> => kubectlCompletion(program, words, of);

const cases: Readonly<Record<string, readonly [words: readonly string[], answer: string]>> = {
  commands: [['s'], 'shell\t\n:4\n'],
  'names of workloads': [['look', 'hel'], 'hello\nhelp\n:4\n'],
  'those of the namespace that was named': [['look', '-n', 'team', ''], 'of-team\n:4\n'],
  flags: [['look', '--w'], '--watch\tgo on\n:4\n'],
  'values of a flag': [['look', '-o', ''], 'json\nyaml\n:4\n'],
  'files where a flag takes one': [['look', '--spec', ''], ':0\n'],
  'files where the command does': [['play', ''], ':0\n'],
  'a closed set of words': [['shell', 'z'], 'zsh\n:4\n'],
  'nothing behind a command that is none': [['nothing', ''], ':4\n'],
};
for (const [what, [words, answer]] of Object.entries(cases))
  test(`what kubectl is told to offer: ${what}`, async (t) => {
    t.is(await offered(words), answer);
  });

test('where nobody can be asked for names none are offered, and nothing is said', async (t) => {
  t.is(await offered(['look', ''], () => Promise.reject(new Error('no controller'))), ':4\n');
});
