import { writeFile } from 'node:fs/promises';
import { messageOf, printDuration, millis } from '../../core/index.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import type { SimulateFlags } from '../flags.ts';
import { contestants } from './contestant.ts';
import { notSimulated } from './not-simulated.ts';
import { pngOf } from './png.ts';
import { readScene } from './read-scene.ts';
import { run } from './run.ts';
import { slotsOf, type Scene } from './scene.ts';
import type { Outcome } from './score.ts';
import { summaryTable } from './summary.ts';
import { svgPlot } from './svg-plot.ts';
import { terminalPlot } from './terminal-plot.ts';

const titleOf = (scene: Scene, flags: SimulateFlags): string =>
  `${scene.workload.name} under ${scene.load.name}, ${printDuration(millis(scene.seconds * 1000))}: pods start in ${flags.startTime} and work on ${slotsOf(scene)} at once, ${flags.serviceTime} each (seed ${scene.seed})`;

const write = async (file: string, content: string | Uint8Array): Promise<void> => {
  try {
    await writeFile(file, content);
  } catch (failure) {
    throw new CommandError('failure', `cannot write ${file}: ${messageOf(failure)}`, failure);
  }
};

/** `rouse simulate`: both policies and the HPA model under one load; a plot and a table on the terminal, pictures where they are asked for. */
export const runSimulate = async (flags: SimulateFlags, print: (line: string) => void): Promise<ExitCode> => {
  const scene = await readScene(flags);
  const without = notSimulated(scene.spec.scaling, scene.formulas);
  const outcomes: Outcome[] = [];
  for (const name of contestants) outcomes.push(await run(scene, name));
  const title = titleOf(scene, flags);
  const note =
    without.length === 0 ? [] : [`Without ${without.join(' and ')}, which the spec asks for and which is not simulated: the real count may be higher.`];
  for (const line of [title, ...note, '', ...terminalPlot(outcomes), ...summaryTable(outcomes)]) print(line);
  const svg = flags.svg === undefined && flags.png === undefined ? '' : svgPlot(title, outcomes);
  if (flags.svg !== undefined) await write(flags.svg, svg);
  if (flags.png !== undefined) await write(flags.png, await pngOf(svg));
  return exitCode.ok;
};
