#!/usr/bin/env node
// The `rouse` command. Only this file ends the process.
import { constants, enableCompileCache } from 'node:module';
import { argv, env, execArgv, execPath, execve } from 'node:process';

const { status, directory } = enableCompileCache();
// Run from source, this process has by now loaded Node's type stripper, which stays: 17 MB that a gateway should not carry. With a cache that is
// named from the start, a second image of the same process reads the stripped sources out of it instead.
if (import.meta.filename.endsWith('.ts') && directory !== undefined && status === constants.compileCacheStatus.ENABLED && execve !== undefined)
  execve(execPath, [execPath, ...execArgv, ...argv.slice(1)], { ...env, NODE_COMPILE_CACHE: directory });

const { runProgram } = await import('./program.ts');
process.exitCode = await runProgram(process.argv.slice(2));
