import type { Argument, Command, Option } from 'commander';

export type Shell = 'bash' | 'zsh' | 'fish';

const workloadNames = 'rouse status -o name 2>/dev/null | sed "s|.*/||"';

/** One command as a shell completes it. */
interface Completed {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly Option[];
  /** Words of its first argument, where they are a closed set. */
  readonly words: readonly string[];
  /** What the argument is, where a command or the file system knows. */
  readonly names: 'workloads' | 'files' | undefined;
}

const argumentOf = (argument: Argument | undefined): Pick<Completed, 'words' | 'names'> => {
  const name = argument?.name();
  return { words: argument?.argChoices ?? [], names: name === 'name' ? 'workloads' : name === 'file' ? 'files' : undefined };
};

export const completed = (program: Command): readonly Completed[] =>
  program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    flags: command.options,
    ...argumentOf(command.registeredArguments[0]),
  }));

export const namesOf = ({ short, long }: Option): readonly string[] => [long, short].filter((name) => name !== undefined);
export const takesFile = ({ flags }: Option): boolean => /<(file|directory)>/.test(flags);
export const takesValue = ({ required, optional }: Option): boolean => required || optional;

/** A script that makes a shell complete the commands, flags and values of `program`, made of its own definitions. */
export const completionScript = (program: Command, shell: Shell): string => {
  const commands = completed(program);
  switch (shell) {
    case 'bash':
      return bash(commands);
    case 'zsh':
      return zsh(commands);
    case 'fish':
      return fish(commands);
  }
};

const bash = (commands: readonly Completed[]): string => {
  const values = commands.flatMap(({ name, flags }) =>
    flags.filter(takesValue).map((option) => {
      const reply = takesFile(option) ? 'compgen -f -- "$word"' : `compgen -W '${(option.argChoices ?? []).join(' ')}' -- "$word"`;
      return `    ${namesOf(option)
        .map((each) => `${name}:${each}`)
        .join('|')}) mapfile -t COMPREPLY < <(${reply}); return ;;`;
    }),
  );
  const words = commands.map(({ name, flags, words: closed, names }) => {
    const all = [...flags.flatMap(namesOf), ...closed].join(' ');
    const dynamic = names === 'workloads' ? ` $([[ $word == -* ]] || ${workloadNames})` : '';
    const files = names === 'files' ? '; [[ $word == -* ]] || mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")' : '';
    return `    ${name}) mapfile -t COMPREPLY < <(compgen -W "${all}${dynamic}" -- "$word")${files} ;;`;
  });
  return `# bash completion of rouse: source <(rouse completion bash)
_rouse() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W '${commands.map(({ name }) => name).join(' ')}' -- "$word")
    return
  fi
  case $command:$before in
${values.join('\n')}
  esac
  case $command in
${words.join('\n')}
  esac
}
complete -F _rouse rouse
`;
};

/** Inside '…'. */
const quoted = (text: string): string => text.replaceAll("'", "'\\''");
/** A description after a colon, and one within […], of zsh's own functions; both inside '…'. */
const described = (text: string): string => quoted(text.replaceAll(/[\\:]/g, '\\$&'));
const bracketed = (text: string): string => quoted(text.replaceAll(/[[\]\\:]/g, '\\$&'));

const zshValue = (option: Option): string =>
  takesFile(option) ? ':file:_files' : !takesValue(option) ? '' : `:value:(${(option.argChoices ?? []).join(' ')})`;

const zsh = (commands: readonly Completed[]): string => {
  const cases = commands.map(({ name, flags, words, names }) => {
    const specifications = flags.flatMap((option) => namesOf(option).map((each) => `'*${each}[${bracketed(option.description)}]${zshValue(option)}'`));
    const rest =
      names === 'workloads'
        ? ["'*:workload:_rouse_workloads'"]
        : names === 'files'
          ? ["'*:file:_files'"]
          : words.length > 0
            ? [`'1:word:(${words.join(' ')})'`]
            : [];
    return `        ${name}) _arguments ${[...specifications, ...rest].join(' ')} ;;`;
  });
  return `#compdef rouse
# zsh completion of rouse: source <(rouse completion zsh)
_rouse_workloads() { local -a names; names=(\${(f)"$(${workloadNames})"}); compadd -a names }
_rouse() {
  local -a commands
  commands=(${commands.map(({ name, description }) => `'${name}:${described(description)}'`).join(' ')})
  _arguments -C '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $words[1] in
${cases.join('\n')}
      esac ;;
  esac
}
compdef _rouse rouse
`;
};

const fish = (commands: readonly Completed[]): string => {
  const lines = commands.flatMap(({ name, description, flags, words, names }) => {
    const within = `complete -c rouse -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c rouse -n __fish_use_subcommand -f -a ${name} -d '${fishQuoted(description)}'`,
      ...flags.map((option) => {
        const values = takesFile(option) ? ' -r -F' : takesValue(option) ? ` -x -a '${(option.argChoices ?? []).join(' ')}'` : '';
        const shortName = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`;
        return `${within}${shortName} -l ${(option.long ?? '').slice(2)}${values} -d '${fishQuoted(option.description)}'`;
      }),
      ...(names === 'workloads' ? [`${within} -f -a '(${fishQuoted(workloadNames)})'`] : []),
      ...(names === undefined ? [`${within} -f${words.length === 0 ? '' : ` -a '${words.join(' ')}'`}`] : []),
    ];
  });
  return `# fish completion of rouse: rouse completion fish | source\n${lines.join('\n')}\n`;
};
const fishQuoted = (text: string): string => text.replaceAll(/['\\]/g, '\\$&');
