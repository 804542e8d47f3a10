import { logLevels, messageOf, type LogFields, type Logger, type LogLevel } from '../../core/index.ts';

const shown = (value: unknown): string => (value instanceof Error ? messageOf(value) : typeof value === 'string' ? value : JSON.stringify(value));

/** A log for a command that somebody watches: what is at or above `level`, as sentences. */
export const plainLogger = (print: (line: string) => void, level: LogLevel): Logger => {
  const least = logLevels.indexOf(level);
  const at =
    (own: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (logLevels.indexOf(own) < least) return;
      const details = Object.entries(fields).filter(([, value]) => value !== undefined);
      print(`${own}: ${message}${details.length === 0 ? '' : ` (${details.map(([name, value]) => `${name}: ${shown(value)}`).join(', ')})`}`);
    };
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => logger };
  return logger;
};
