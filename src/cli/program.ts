import { Command, CommanderError } from 'commander';
import { messageOf, type LogLevel } from '../core/index.ts';
import { CommandError, exitCode, type ExitCode } from './exit-code.ts';
import type { ControllerFlags, ExplainFlags, GatewayFlags, LocalFlags, RestoreFlags, SimulateFlags, UninstallFlags } from './flags.ts';
import { cidrs, files, flag, kubeconfig, logLevel, port, portFlag, seed, timeout, tracing, workers } from './options.ts';
import { dataForms } from './output.ts';
import { withProgress } from './progress.ts';
import { addCompletionCommand, addReadingCommands, addSwitchCommands } from './reading-commands.ts';
import { ownTerminal } from './terminal.ts';
import { rouseVersion } from './version.ts';

/** Runs one command line and says how the process should end. Each command loads its own code: the gateway process must stay small. */
export const runProgram = async (args: readonly string[], name = 'rouse'): Promise<ExitCode> => {
  let code: ExitCode = exitCode.ok;
  const program = rouse(name, (done) => {
    code = done;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (failure) {
    if (failure instanceof CommanderError) return failure.exitCode === 0 ? exitCode.ok : exitCode.usage;
    const known = failure instanceof CommandError;
    process.stderr.write(`rouse: ${messageOf(failure)}\n`);
    if (!known && failure instanceof Error) process.stderr.write(`${failure.stack ?? ''}\n`);
    return known ? failure.exitCode : exitCode.failure;
  }
};

/** What kubectl's own completion offers behind `kubectl rouse`. */
export const completeForKubectl = async (words: readonly string[]): Promise<string> => {
  const { kubectlCompletion } = await import('./kubectl-completion.ts');
  return kubectlCompletion(
    rouse('kubectl rouse', () => undefined),
    words,
    async (where) => (await import('./look/workload-names.ts')).workloadNames(where, process.env),
  );
};

const rouse = (name: string, done: (code: ExitCode) => void): Command => {
  const program = new Command(name)
    .description('Request- and event-driven autoscaling, from zero to N, for the Deployments you already have.')
    .version(rouseVersion)
    .showHelpAfterError('(add --help for the flags)')
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 1 the command found something wrong (problems, mismatches); 2 a flag, a file or a value is wrong, nothing was started; 3 something outside failed (port in use, API server out of reach).\nEvery flag has an environment twin: --api-port is ROUSE_API_PORT.',
    );
  program
    .command('local')
    .description('Everything on this machine, without a cluster: an embedded Kubernetes API, your pods as processes, the controller and a gateway.')
    .addOption(files('-f, --filename <file>', 'manifest to apply at start (repeatable)'))
    .addOption(portFlag('--api-port <port>', 'Kubernetes API (HTTPS)', 8001))
    .addOption(portFlag('--gateway-port <port>', 'gateway, by host name', 8080))
    .addOption(portFlag('--metrics-port <port>', '/metrics, /healthz, /readyz, /workloads', 9090))
    .addOption(flag('--demo', 'play a minute of load against the first workload, then stop'))
    .addOption(tracing('a trace for each request, wake and change of count'))
    .addOption(logLevel().default('warn' satisfies LogLevel))
    .action(async (options: LocalFlags) => done(await (await import('./local/local.ts')).runLocal(options)));
  program
    .command('controller')
    .description('The control plane: metrics in, decisions out; serves the webhooks and the gateways’ link.')
    .addOption(flag('--kubeconfig <file>', 'how to reach the API server (else $KUBECONFIG, else the pod’s service account)'))
    .addOption(flag('--advertise <address>', 'register the webhooks by URL at this address (outside a cluster)'))
    .addOption(flag('--namespaces <names>', 'scale workloads of these namespaces alone, e.g. team-a,team-b (else of all)'))
    .addOption(flag('--listen <address>', 'address to listen on (else every one)'))
    .addOption(portFlag('--port <port>', 'webhooks and link (HTTPS)', 9443))
    .addOption(portFlag('--metrics-port <port>', '/metrics, /healthz, /readyz, /workloads', 9090))
    .addOption(flag('--write-ca <file>', 'write the CA certificate that gateways are to trust'))
    .addOption(flag('--allow-external-gateways', 'believe the address that a gateway outside the cluster claims'))
    .addOption(flag('--placement', 'say where new pods go: watch the nodes and answer schedulers (docs/placement.md)'))
    .addOption(tracing('a trace for each wake and change of count'))
    .addOption(logLevel())
    .action(async (options: ControllerFlags) => done(await (await import('./controller/controller-command.ts')).runController(options)));
  program
    .command('gateway')
    .description('The data plane: holds, meters and forwards requests. Fed by controllers, or stand-alone by a routes file.')
    .addOption(files('--controller <url>', 'link to this controller, e.g. https://rouse-controller:9443 (repeatable)'))
    .addOption(flag('--controller-ca <file>', 'CA certificate of the controllers'))
    .addOption(flag('--token-file <file>', 'token to show to the controllers'))
    .addOption(flag('--listen <address>', 'address to listen on and to be reached at (outside a cluster)'))
    .addOption(flag('--routes <file>', 'stand-alone: take the routes from this YAML or JSON file, and watch it'))
    .addOption(flag('--shared-port <port>', 'port that tells workloads apart by host name').argParser(port))
    .addOption(flag('--tls-port <port>', 'the same over TLS').argParser(port))
    .addOption(flag('--tls-cert-dir <directory>', 'its certificates, read anew when they change: tls.crt and tls.key, and folders with such pairs'))
    .addOption(flag('--proxy-protocol', 'connections to these two ports begin with a header of the PROXY protocol, version 1 or 2'))
    .addOption(
      flag('--trusted-proxies <cidrs>', 'from where X-Forwarded-* is believed on these two ports, e.g. 10.0.0.0/8 (else what rouse-config says)').argParser(
        cidrs,
      ),
    )
    .addOption(flag('--workers <number>', 'processes that share the ports').argParser(workers).default(1))
    .addOption(portFlag('--metrics-port <port>', '/metrics, /healthz, /readyz', 9090))
    .addOption(flag('--access-log <template>', 'a line of JSON on standard output for each request: off, json, or {"NAME":"%FIELD% …", …}').default('off'))
    .addOption(tracing('a trace for each request'))
    .addOption(logLevel())
    .action(async (options: GatewayFlags) => done(await (await import('./gateway/gateway-command.ts')).runGateway(options)));
  program
    .command('uninstall')
    .description('Hand every workload back while Rouse runs, then remove Rouse from the cluster. May be ended at any point and run again.')
    .addOption(kubeconfig())
    .addOption(flag('--dry-run', 'only say what would be done'))
    .addOption(flag('--hand-back-only', 'stop once everything is handed back, and leave the removal to whatever installed Rouse (Helm, GitOps)'))
    .addOption(flag('--cancel', 'the reverse of an uninstall that was begun: Rouse onboards again'))
    .addOption(timeout())
    .addOption(logLevel().default('warn' satisfies LogLevel))
    .action(async (options: UninstallFlags) => done(await (await import('./hand-back/uninstall-command.ts')).runUninstall(options, terminal)));
  program
    .command('restore')
    .description(
      'Put workloads and Services back as they were where Rouse itself is gone, from the annotations alone. May be ended at any point and run again.',
    )
    .addOption(kubeconfig())
    .addOption(flag('--dry-run', 'only say what would be done'))
    .addOption(timeout())
    .addOption(logLevel().default('warn' satisfies LogLevel))
    .action(async (options: RestoreFlags) => done(await (await import('./hand-back/restore-command.ts')).runRestore(options, terminal)));
  program
    .command('explain')
    .description('Say why a workload has the count that it has, and what would change it; asks the controller, and changes nothing.')
    .argument('<name>', 'workload')
    .addOption(flag('-n, --namespace <name>', 'its namespace (else that of the kubeconfig’s context, else default)'))
    .addOption(flag('--at <time>', 'what was in force then: 2026-01-05T12:00:00Z (RFC 3339), or 5m ago'))
    .addOption(
      flag('-o, --output <form>', 'trace: the last ticks, for rouse replay')
        .choices(['text', ...dataForms, 'trace'])
        .default('text'),
    )
    .addOption(flag('--controller <url>', 'metrics port of the controller, e.g. http://127.0.0.1:9090 (else found: see docs/explain.md)'))
    .addOption(flag('--kubeconfig <file>', 'ask through this API server (else $KUBECONFIG, else rouse local, else ~/.kube/config)'))
    .addOption(flag('--context <name>', 'of the kubeconfig (else the current one)'))
    .action(async (name: string, options: ExplainFlags) => {
      const { runExplain } = await import('./look/explain-command.ts');
      done(await withProgress(terminal, 'asking the controller', () => runExplain(name, options, process.env, terminal.write, terminal.note)));
    });
  addReadingCommands(program, done);
  addSwitchCommands(program, done);
  program
    .command('replay')
    .description('Decide recorded traces again and compare: prints each difference and a count; exit 1 if there is one.')
    .argument('<file...>', 'traces of rouse explain -o trace, or Knative’s, one case a line (.jsonl or .jsonl.gz); - is standard input')
    .action(async (paths: readonly string[]) => {
      const { replayFiles } = await import('./replay/replay.ts');
      done((await withProgress(terminal, 'deciding again', () => replayFiles(paths, print))) === 0 ? exitCode.ok : exitCode.findings);
    });
  program
    .command('simulate')
    .description('Play a load to a workload on a virtual clock: the real loop with both policies, and a model of a HorizontalPodAutoscaler, side by side.')
    .addOption(flag('--spec <file>', 'manifest of the workload, with its annotations').makeOptionMandatory())
    .addOption(flag('--load <name>', 'step, ramp, spike, day, on-off, sparse, noisy, flash-crowd, or a CSV file').default('step'))
    .addOption(flag('--duration <duration>', 'run no more of the load than this'))
    .addOption(flag('--seed <number>', 'another seed, other requests').argParser(seed).default(1))
    .addOption(flag('--start-time <duration>', 'of a pod until it is ready: 5s, or log-normal with nine of ten between: 2s..8s').default('5s'))
    .addOption(flag('--service-time <duration>', 'mean time that a pod works on a request').default('500ms'))
    .addOption(flag('--svg <file>', 'write the plot'))
    .addOption(flag('--png <file>', 'write the plot; needs the package @resvg/resvg-js'))
    .action(async (options: SimulateFlags) => {
      const { runSimulate } = await import('./simulate/simulate.ts');
      done(await withProgress(terminal, 'playing the load', () => runSimulate(options, print)));
    });
  program
    .command('validate')
    .description('Check the annotations of manifests as admission would, without a cluster; exit 1 if there are problems.')
    .addOption(files('-f, --filename <file>', 'manifest to check, - for standard input (repeatable)').makeOptionMandatory())
    .action(async (options: { readonly filename: readonly string[] }) => done(await (await import('./validate.ts')).validateFiles(options.filename, print)));
  addCompletionCommand(program);
  return program;
};

const terminal = ownTerminal();

const print = (line: string): void => {
  terminal.write(`${line}\n`);
};
