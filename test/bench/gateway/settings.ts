/** What part of the bench to run, and for how long: from the environment. */
export interface Settings<Scenario extends string, Contestant extends string> {
  readonly rounds: number;
  /** Of one measurement. */
  readonly seconds: number;
  readonly scenarios: readonly Scenario[];
  readonly contestants: readonly Contestant[];
}

type Environment = Readonly<Record<string, string | undefined>>;

export const readSettings = <Scenario extends string, Contestant extends string>(
  environment: Environment,
  scenarios: readonly Scenario[],
  contestants: readonly Contestant[],
): Settings<Scenario, Contestant> => ({
  rounds: whole(environment, 'ROUNDS', 5),
  seconds: whole(environment, 'SECONDS', 4),
  scenarios: some(environment, 'SCENARIOS', scenarios),
  contestants: some(environment, 'CONTESTANTS', contestants),
});

const whole = (environment: Environment, name: string, byDefault: number): number => {
  const value = Number(environment[name] ?? byDefault);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} is ${String(environment[name])}: want a whole number of 1 or more`);
  return value;
};

/** Those named, in the order in which they are known. */
const some = <Name extends string>(environment: Environment, name: string, known: readonly Name[]): readonly Name[] => {
  const named = environment[name]?.split(',').map((each) => each.trim());
  if (named === undefined) return known;
  const unknown = named.filter((each) => !known.some((other) => other === each));
  if (unknown.length > 0) throw new Error(`${name} has ${unknown.join(', ')}: want some of ${known.join(', ')}`);
  return known.filter((each) => named.includes(each));
};
