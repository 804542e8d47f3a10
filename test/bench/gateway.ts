import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtRouse, debianTool, envoyBinary } from '../support/bench-tools.ts';
import { goTool } from '../support/go-tool.ts';
import { checkProxy, contestants, startProxy, type Contestant, type Proxy, type Surroundings } from './gateway/contestants.ts';
import { loadersOf } from './gateway/load.ts';
import { measureMemory, type Memory } from './gateway/memory.ts';
import { startOrigin } from './gateway/origin.ts';
import { Programs } from './gateway/programs.ts';
import { barsTable, memoryTable, scenarioTable } from './gateway/report.ts';
import { measureRounds, medianOf, type Samples } from './gateway/samples.ts';
import { scenarios, scenariosOf, type LoadScenario, type Scenario } from './gateway/scenarios.ts';
import { readSettings, type Settings } from './gateway/settings.ts';
import { writeTlsPair } from './gateway/tls-pair.ts';

type Chosen = Settings<(typeof scenarios)[number], Contestant>;

const say = (line: string): void => {
  process.stderr.write(`bench: ${line}\n`);
};

/**
 * Our gateway, nginx, Envoy (lean and with its defaults) and the floor (bytes passed on by node:net) as plain reverse proxies in front of one origin, in turns: CPU, throughput, latency,
 * memory. About a quarter of an hour; `SCENARIOS=get32,post32 CONTESTANTS=rouse,nginx ROUNDS=3 SECONDS=2` and the like run a part.
 */
export const run = async (): Promise<void> => {
  const settings = readSettings(process.env, scenarios, contestants);
  const calls = settings.scenarios.includes('grpc32');
  const tools = { wrk: await debianTool('wrk', say), h2load: calls ? await debianTool('h2load', say) : '' };
  const grpcServer = calls ? await goTool('google.golang.org/grpc/interop/server', 'v1.85.0') : undefined;
  const binaries = {
    rouse: await builtRouse(say),
    nginx: await debianTool('nginx', say),
    envoy: settings.contestants.some((name) => name.startsWith('envoy')) ? await envoyBinary(say) : '',
  };
  const directory = await mkdtemp(join(tmpdir(), 'rouse-bench-'));
  const programs = new Programs();
  // What is being awaited then fails, and everything is cleared away below.
  const interrupted = (): void => void programs.stop();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted);
  try {
    const origin = await startOrigin(programs, binaries.nginx, grpcServer, directory);
    const tls = settings.scenarios.some((name) => name.startsWith('tls')) ? await writeTlsPair(directory) : undefined;
    await measure({ programs, directory, origin, binaries, tls }, tools, settings);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupted);
    await programs.stop();
    await rm(directory, { recursive: true });
  }
};

const measure = async (around: Surroundings, tools: Parameters<typeof loadersOf>[1], settings: Chosen): Promise<void> => {
  const { rounds, seconds } = settings;
  const results = new Map<LoadScenario, Samples>();
  const loaders = loadersOf(around.programs, tools, around.directory);
  const known = scenariosOf(loaders, () => halfOfSlowest(results.get('get32'), settings.contestants));
  const proxies: Proxy[] = [];
  for (const name of settings.contestants) proxies.push(await startProxy(around, name));
  for (const proxy of proxies) await checkProxy(proxy, around.tls, settings.scenarios.includes('grpc32'));
  console.log(`Medians of ${rounds} rounds of ${seconds} s, ${cpus().length} cores shared with load and origin, Node ${process.version}\n`);
  const loaded = settings.scenarios.filter((name) => name !== 'memory');
  // Half load is half of what was seen at full load.
  const needed = loaded.includes('half32') && !loaded.includes('get32') ? ['get32' as const, ...loaded] : loaded;
  for (const name of needed) {
    const scenario = known[name];
    say(scenario.title);
    const samples = await measureRounds(
      proxies.filter((proxy) => takesPart(proxy, scenario)),
      scenario.load,
      settings,
      say,
    );
    results.set(name, samples);
    console.log(scenarioTable(scenario, samples));
  }
  const memories: Memory[] = [];
  if (settings.scenarios.includes('memory')) {
    for (const { program } of proxies) await program.stop();
    for (const name of settings.contestants.filter((each) => each !== 'floor' && each !== 'envoy-defaults')) {
      say(`memory of ${name}`);
      memories.push(await measureMemory({ ...around, tls: undefined }, name, loaders.closedLoop('hello', 256), seconds));
    }
    console.log(memoryTable(memories));
  }
  console.log(barsTable(results, memories));
};

const takesPart = ({ name, tlsPort }: Proxy, { isTls, withDefaults }: Scenario): boolean =>
  (isTls !== true || tlsPort !== 0) && (name !== 'envoy-defaults' || withDefaults === true);

const halfOfSlowest = (samples: Samples | undefined, names: readonly Contestant[]): number =>
  Math.floor(Math.min(...names.map((name) => (name === 'envoy-defaults' ? Infinity : (medianOf(samples, name, 'perSecond') ?? Infinity)))) / 2);
