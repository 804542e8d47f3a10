import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, millis, RouseError, type Clock, type Logger, type RouteSnapshot } from '../core/index.ts';
import type { RouteProblem } from '../link/index.ts';
import type { Gateway } from './gateway.ts';
import { readRoutes } from './routes-file.ts';

export interface FollowRoutesOptions {
  readonly path: string;
  readonly gateway: Pick<Gateway, 'apply' | 'routesValid'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface FollowedRoutes {
  /** What could not be served of the first routes (a port that is taken). */
  readonly problems: readonly RouteProblem[];
  /** Resolves when the signal has aborted and nothing is watched any more. */
  readonly ended: Promise<void>;
}

/** The file is also looked at this often: not every file system reports changes, and a link may lead out of the directory that is watched. */
const lookEveryMs = 2000;
/** Writers take several steps; the content is what counts. */
const settleMs = 20;
const mostBytes = 16 * 1024 * 1024;

const parseDocument = async (text: string): Promise<unknown> => {
  const { parse } = await import('yaml');
  return parse(text, { maxAliasCount: 100, logLevel: 'error' }); // no warnings on standard error: what is wrong is told below
};

/** Follows one routes file: an unreadable or invalid version changes nothing but `rouse_gateway_routes_valid`, and says why once. */
class RoutesFile {
  readonly #options: FollowRoutesOptions;
  #text: string | undefined;
  #revision = 0;
  #complaint = '';
  #applied: RouteSnapshot | undefined;
  problems: readonly RouteProblem[] = [];

  constructor(options: FollowRoutesOptions) {
    this.#options = options;
  }

  /** Throws a `RouseError` with code `routes-unreadable` or `routes-invalid`, whose message is one sentence. */
  async load(): Promise<void> {
    const { path, gateway } = this.#options;
    const text = await readText(path);
    if (text === this.#text) {
      // A port that was taken may be free by now.
      if (this.problems.length > 0 && this.#applied !== undefined) this.problems = await gateway.apply(this.#applied);
      return;
    }
    const routes = readRoutes(await parseText(path, text), this.#revision + 1);
    if (!routes.ok) throw new RouseError('routes-invalid', `${path} is not a routes file: ${routes.problem.join('; ').replaceAll(/\s+/g, ' ')}`);
    this.problems = await gateway.apply(routes.value);
    this.#revision += 1;
    this.#applied = routes.value;
    this.#text = text;
  }

  /** The same for a change: keeps the last good routes. */
  async reload(): Promise<void> {
    const { path, gateway, logger } = this.#options;
    const before = this.#revision;
    try {
      await this.load();
      gateway.routesValid(true);
      if (this.#revision > before) logger.info('routes were read anew', { path, workloads: this.#applied?.upsert.length });
      this.#complaint = '';
    } catch (error) {
      gateway.routesValid(false);
      if (messageOf(error) !== this.#complaint) logger.error('the routes file cannot be used; the last good routes stay', { path, error });
      this.#complaint = messageOf(error);
    }
  }
}

const readText = async (path: string): Promise<string> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new RouseError('routes-unreadable', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (text.length > mostBytes) throw new RouseError('routes-invalid', `${path} is larger than ${mostBytes / 1024 / 1024} MiB`);
  return text;
};

const parseText = async (path: string, text: string): Promise<unknown> => {
  try {
    return await parseDocument(text);
  } catch (error) {
    throw new RouseError('routes-invalid', `${path} is neither YAML nor JSON: ${messageOf(error).split('\n')[0] ?? ''}`, { cause: error });
  }
};

/**
 * Applies the routes of a file, and again each time that it changes, until `signal` aborts. The directory is watched, so that replacing the file by renaming works; what counts is its
 * content. Rejects where the first version cannot be used: then nothing was opened.
 */
export const followRoutesFile = async (options: FollowRoutesOptions, signal: AbortSignal): Promise<FollowedRoutes> => {
  const file = new RoutesFile(options);
  await file.load();
  options.gateway.routesValid(true);
  return { problems: file.problems, ended: keepFollowing(file, options, signal) };
};

const keepFollowing = async (file: RoutesFile, { path, clock, logger }: FollowRoutesOptions, signal: AbortSignal): Promise<void> => {
  let changed: (() => void) | undefined;
  const nextChange = (): Promise<void> => new Promise((resolve) => (changed = resolve));
  let change = nextChange();
  const watcher = watch(dirname(path), { persistent: false }, () => changed?.());
  watcher.on('error', (error) => logger.warn('the directory of the routes file cannot be watched; it is looked at every 2 s', { path, error }));
  while (!signal.aborted) {
    // One of three things: a change, the next look, the end.
    const waiting = new AbortController();
    await Promise.race([change, clock.sleep(millis(lookEveryMs), AbortSignal.any([signal, waiting.signal])).catch(() => undefined)]);
    waiting.abort();
    await clock.sleep(millis(settleMs), signal).catch(() => undefined);
    // Waited for from before the file is read: one that comes while it is being applied counts.
    change = nextChange();
    await file.reload();
  }
  watcher.close();
};
