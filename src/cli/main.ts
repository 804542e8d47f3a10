#!/usr/bin/env node
// The `rouse` command. Only this file ends the process.
import { runProgram } from './program.ts';

process.exitCode = await runProgram(process.argv.slice(2));
