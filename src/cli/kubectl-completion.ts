import type { Command } from 'commander';
import { millis, systemClock } from '../core/index.ts';
import { completed, namesOf, takesFile, takesValue } from './completion.ts';
import type { ListingFlags } from './flags.ts';

/** Of cobra's ShellCompDirective: whether the shell is to offer files as well. */
const directive = { files: 0, noFiles: 4 } as const;
const patience = millis(3000);

/** Names of workloads, by the flags that stand on the line already. */
export type NamesOf = (where: Pick<ListingFlags, 'namespace' | 'controller' | 'kubeconfig' | 'context'>) => Promise<readonly string[]>;

interface Offer {
  readonly words: readonly (readonly [word: string, description?: string])[];
  readonly files?: boolean;
}

/**
 * What `kubectl_complete-rouse` prints: kubectl asks an executable of that name with the words behind `kubectl rouse`, the last of them the one to complete, and takes a line for each word, a description behind a
 * tab, and at last a colon and the directive (https://github.com/kubernetes/kubernetes/pull/105867).
 */
export const kubectlCompletion = async (program: Command, words: readonly string[], workloads: NamesOf): Promise<string> => {
  const begun = words.at(-1) ?? '';
  const { words: all, files = false } = await offered(program, words.slice(0, -1), begun, workloads);
  const lines = all.filter(([word]) => word.startsWith(begun)).map(([word, description]) => (description === undefined ? word : `${word}\t${description}`));
  return [...lines, `:${String(files ? directive.files : directive.noFiles)}`, ''].join('\n');
};

const offered = async (program: Command, before: readonly string[], begun: string, workloads: NamesOf): Promise<Offer> => {
  const commands = completed(program);
  const [name, ...given] = before;
  if (name === undefined) return { words: commands.map(({ name: each, description }) => [each, description]) };
  const command = commands.find((each) => each.name === name);
  if (command === undefined) return { words: [] };
  const { flags, words: closed, names } = command;
  const flagOf = (word: string | undefined): (typeof flags)[number] | undefined => flags.find((each) => word !== undefined && namesOf(each).includes(word));
  const last = flagOf(given.at(-1));
  if (last !== undefined && takesValue(last)) return { words: (last.argChoices ?? []).map((word) => [word]), files: takesFile(last) };
  if (begun.startsWith('-')) return { words: flags.flatMap((each) => namesOf(each).map((word) => [word, each.description] as const)) };
  const valueOf = (flag: string): string | undefined => {
    const at = given.findLastIndex((word) => flagOf(word)?.long === `--${flag}`);
    return at < 0 ? undefined : given[at + 1];
  };
  const where = (['namespace', 'controller', 'kubeconfig', 'context'] as const).flatMap((flag) => {
    const value = valueOf(flag);
    return value === undefined ? [] : [[flag, value] as const];
  });
  const found = names === 'workloads' ? await inTime(workloads(Object.fromEntries(where))) : [];
  return { words: [...closed, ...found].map((word) => [word]), files: names === 'files' };
};

/** A cluster that does not answer, or says no, is no reason to say anything: somebody is typing. */
const inTime = async (names: Promise<readonly string[]>): Promise<readonly string[]> => {
  const late = new AbortController();
  try {
    return await Promise.race([names, systemClock.sleep(patience, late.signal).then(() => [])]);
  } catch {
    return [];
  } finally {
    late.abort();
  }
};
