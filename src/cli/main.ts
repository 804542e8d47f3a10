#!/usr/bin/env node
// The `rouse` command.
import { constants, enableCompileCache } from 'node:module';
import { basename } from 'node:path';
import { argv, env, execArgv, execPath, execve } from 'node:process';
import { setFlagsFromString } from 'node:v8';

/** With V8's own 16 MB the pauses of the gateway's garbage collection are what its slowest requests wait for (decision 19). */
const ofGateway = '--max-semi-space-size=2';
/** Calls of schedulers bring megabytes outside of the heap and leave little in it: with V8's own size nothing is collected before everything is. */
const ofPlacing = '--max-semi-space-size=4';

// Or the memory in which V8's second compiler worked is freed by other threads than those that asked for it, and each keeps its own: 8 MB of a busy gateway. V8 passes over what it does not know.
if (argv[2] === 'gateway') setFlagsFromString('--no-maglev-destroy-on-background');

const { status, directory } = enableCompileCache();
// Run from source, this process has by now loaded Node's type stripper, which stays: 17 MB that a gateway should not carry. With a cache that is
// named from the start, a second image of the same process reads the stripped sources out of it instead.
const cache = import.meta.filename.endsWith('.ts') && status === constants.compileCacheStatus.ENABLED ? directory : undefined;
const youngGeneration = (): readonly string[] => {
  if (execArgv.some((flag) => flag.startsWith('--max-semi-space-size'))) return [];
  if (argv[2] === 'gateway') return [ofGateway];
  return argv[2] === 'controller' && argv.includes('--placement') ? [ofPlacing] : [];
};
const flags = youngGeneration();
if ((cache !== undefined || flags.length > 0) && execve !== undefined)
  execve(execPath, [execPath, ...execArgv, ...flags, ...argv.slice(1)], cache === undefined ? env : { ...env, NODE_COMPILE_CACHE: cache });

const { completeForKubectl, runProgram } = await import('./program.ts');
// kubectl starts the plugin, and what completes its words, by these names.
const called = basename(argv[1] ?? '');
if (called.startsWith('kubectl_complete-rouse')) {
  const offered = await completeForKubectl(argv.slice(2));
  // A cluster that has not answered yet is not waited for.
  process.stdout.write(offered, () => process.exit());
} else process.exitCode = await runProgram(process.argv.slice(2), called.startsWith('kubectl-rouse') ? 'kubectl rouse' : 'rouse');
