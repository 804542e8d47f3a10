import { between, millis, type Clock, type Instant, type Logger } from '../../core/index.ts';

/** What the SDK says while it runs is mostly one thing again and again, that the collector is away: a line now and then will do. */
const quietFor = millis(600_000);

export interface Complaints {
  readonly say: (message: string, ...more: unknown[]) => void;
  /** What came before was about the set-up, and was said as it was. */
  started(): void;
}

/** Says what OpenTelemetry complains of, with a single line for all of it in ten minutes. */
export const complaints = (logger: Logger, clock: Clock): Complaints => {
  let hasStarted = false;
  let saidAt: Instant | undefined;
  let unsaid = 0;
  return {
    started: () => {
      hasStarted = true;
    },
    say: (message, ...more) => {
      const now = clock.now();
      if (hasStarted && saidAt !== undefined && Math.abs(between(saidAt, now)) < quietFor) {
        unsaid += 1;
        return;
      }
      if (hasStarted) saidAt = now;
      const problem = [problemOf(message), ...more.map(String)].join(' ');
      logger.warn(hasStarted ? 'OpenTelemetry cannot export; nothing else waits for it' : 'OpenTelemetry', {
        problem,
        ...(unsaid > 0 ? { unsaid } : {}),
      });
      unsaid = 0;
    },
  };
};

/** The SDK prints errors as JSON, with their stack. */
const problemOf = (message: string): string => {
  try {
    const error = JSON.parse(message) as { readonly message?: unknown; readonly code?: unknown };
    return [error.message, error.code].filter((part) => typeof part === 'string' && part !== '').join(' ') || message;
  } catch {
    return message;
  }
};
