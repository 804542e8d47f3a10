import { Argument, type Command, type Option } from 'commander';
import type { Shell } from './completion.ts';
import type { ExitCode } from './exit-code.ts';
import type { DoctorFlags, EventsFlags, ListingFlags, SwitchFlags, TopFlags } from './flags.ts';
import { flag } from './options.ts';
import { ownTerminal } from './terminal.ts';

const namespace = (): Option => flag('-n, --namespace <name>', 'its namespace (else that of the kubeconfig’s context, else default)');
const allNamespaces = (): Option => flag('-A, --all-namespaces', 'of every namespace');
const watch = (): Option => flag('-w, --watch', 'go on until stopped; on a terminal one table that is drawn anew');
const output = (): Option => flag('-o, --output <form>', 'data in place of a table').choices(['json', 'yaml', 'name']);
const controller = (): Option => flag('--controller <url>', 'metrics port of the controller, e.g. http://127.0.0.1:9090 (else found: see docs/explain.md)');
const kubeconfig = (): Option => flag('--kubeconfig <file>', 'ask through this API server (else $KUBECONFIG, else rouse local, else ~/.kube/config)');
const clusterConfig = (): Option => flag('--kubeconfig <file>', 'how to reach the API server (else $KUBECONFIG, else ~/.kube/config)');
const context = (): Option => flag('--context <name>', 'of the kubeconfig (else the current one)');

const shells: readonly Shell[] = ['bash', 'zsh', 'fish'];

/** Commands that look, and change nothing. */
export const addReadingCommands = (program: Command, done: (code: ExitCode) => void): void => {
  program
    .command('status')
    .description('What each workload has and wants, its load, and what was decided last.')
    .argument('[name...]', 'workloads (else all)')
    .addOption(namespace())
    .addOption(allNamespaces())
    .addOption(watch())
    .addOption(output())
    .addOption(controller())
    .addOption(kubeconfig())
    .addOption(context())
    .action(async (names: readonly string[], flags: ListingFlags) =>
      done(await (await import('./look/status-command.ts')).runStatus({ names, flags, environment: process.env, terminal: ownTerminal() })),
    );
  program
    .command('top')
    .description('The workloads with the most load, held requests or pods first, and all of them together.')
    .addOption(flag('--by <measure>', 'what comes first').choices(['load', 'held', 'pods']).default('load'))
    .addOption(namespace())
    .addOption(allNamespaces())
    .addOption(watch())
    .addOption(output())
    .addOption(controller())
    .addOption(kubeconfig())
    .addOption(context())
    .action(async ({ by, ...flags }: TopFlags) =>
      done(await (await import('./look/top-command.ts')).runTop({ by, names: [], flags, environment: process.env, terminal: ownTerminal() })),
    );
  program
    .command('events')
    .description('What Rouse did to workloads: its Kubernetes Events, newest last.')
    .argument('[name]', 'workload (else all)')
    .addOption(namespace())
    .addOption(allNamespaces())
    .addOption(watch())
    .addOption(output())
    .addOption(clusterConfig())
    .addOption(context())
    .action(async (name: string | undefined, flags: EventsFlags) =>
      done(await (await import('./look/events-command.ts')).runEvents(name, flags, ownTerminal())),
    );
  program
    .command('doctor')
    .description('Look at installation, rights, webhooks, certificates, gateways, clocks and workloads; of each thing that is wrong the cause and the remedy.')
    .addOption(output())
    .addOption(controller())
    .addOption(clusterConfig())
    .addOption(context())
    .action(async (flags: DoctorFlags) => done(await (await import('./doctor/doctor-command.ts')).runDoctor(flags, process.env, ownTerminal())));
};

/** Commands that switch single workloads on and off. */
export const addSwitchCommands = (program: Command, done: (code: ExitCode) => void): void => {
  const descriptions = {
    enable: 'Have Rouse scale a workload: shows what changes, asks, and sets rouse.dev/enabled.',
    disable: 'Have Rouse hand a workload back: shows what changes, asks, and takes rouse.dev/enabled away.',
  } as const;
  for (const command of ['enable', 'disable'] as const)
    program
      .command(command)
      .description(descriptions[command])
      .argument('<name>', 'workload: hello, deployment/hello or statefulset/db')
      .addOption(namespace())
      .addOption(flag('-y, --yes', 'do not ask'))
      .addOption(clusterConfig())
      .addOption(context())
      .action(async (name: string, flags: SwitchFlags) =>
        done(await (await import('./look/switch-command.ts')).runSwitch(name, command === 'enable', flags, ownTerminal())),
      );
};

export const addCompletionCommand = (program: Command): void => {
  program
    .command('completion')
    .description('A script that makes a shell complete commands, flags and the names of workloads.')
    .addArgument(new Argument('<shell>', 'source <(rouse completion bash), source <(rouse completion zsh), rouse completion fish | source').choices(shells))
    .action(async (shell: Shell) => {
      ownTerminal().write((await import('./completion.ts')).completionScript(program, shell));
    });
};
