import type { Clock } from './clock.ts';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log: a message in plain words and the fields that vary. `child` adds fields to every line. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

/** What an error becomes in a log line: message, code and the chain of causes. */
const plain = (value: unknown): unknown =>
  value instanceof Error
    ? { message: value.message, ...('code' in value ? { code: value.code } : {}), ...(value.cause === undefined ? {} : { cause: plain(value.cause) }) }
    : value;

/** A logger that hands each line at or above `level` to `write` as one JSON document (no line end). */
export const jsonLogger = (write: (line: string) => void, clock: Clock, level: LogLevel, fields: LogFields = {}): Logger => {
  const least = logLevels.indexOf(level);
  const at =
    (own: LogLevel) =>
    (message: string, extra: LogFields = {}): void => {
      if (logLevels.indexOf(own) < least) return;
      const line: Record<string, unknown> = { time: new Date(clock.now()).toISOString(), level: own, message };
      for (const [name, value] of [...Object.entries(fields), ...Object.entries(extra)]) line[name] = plain(value);
      write(JSON.stringify(line));
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (more) => jsonLogger(write, clock, level, { ...fields, ...more }),
  };
};

/** Drops everything. */
export const silentLogger: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => silentLogger };
