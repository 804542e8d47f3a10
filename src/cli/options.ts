import { InvalidArgumentError, Option } from 'commander';
import { logLevels, parseCidrs, type LogLevel } from '../core/index.ts';

/** The forms that flags take, and what they say where a value is not legal. */

export const port = (text: string): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('Want a port from 0 (any free one) to 65535, e.g. 8080.');
  return value;
};

export const cidrs = (text: string): readonly string[] => {
  const parsed = parseCidrs(text);
  if (parsed.ok) return parsed.value;
  throw new InvalidArgumentError(`It ${parsed.problem}. Want at most 1000 CIDRs, comma separated, e.g. 10.0.0.0/8,fd00::/8.`);
};

const mostWorkers = 64;
export const workers = (text: string): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > mostWorkers) throw new InvalidArgumentError(`Want a whole number from 1 to ${mostWorkers}, e.g. 2.`);
  return value;
};

export const seed = (text: string): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value >= 2 ** 32) throw new InvalidArgumentError('Want a whole number from 0 to 4294967295, e.g. 1.');
  return value;
};

/** A flag and its environment twin: `--api-port` is `ROUSE_API_PORT`. */
export const flag = (flags: string, description: string): Option => {
  const option = new Option(flags, description);
  return option.env(`ROUSE_${option.name().replaceAll('-', '_').toUpperCase()}`);
};
export const portFlag = (flags: string, description: string, byDefault: number): Option => flag(flags, description).argParser(port).default(byDefault);
export const logLevel = (): Option =>
  flag('--log-level <level>', 'least severe log line to print')
    .choices(logLevels)
    .default('info' satisfies LogLevel);
export const tracing = (what: string): Option => flag('--tracing', `${what} by OpenTelemetry, which the OTEL_* variables of the environment set up`);
export const kubeconfig = (): Option =>
  flag('--kubeconfig <file>', 'how to reach the API server, as somebody who may do all this (else $KUBECONFIG, else ~/.kube/config)');
export const timeout = (): Option => flag('--timeout <duration>', 'for handing back').default('10m');
export const files = (flags: string, description: string): Option =>
  flag(flags, description).argParser((file: string, before: readonly string[] | undefined) => [...(before ?? []), file]);
