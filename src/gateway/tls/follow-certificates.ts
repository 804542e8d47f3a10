import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { failed, messageOf, millis, ok, RouseError, type Clock, type Logger, type Result } from '../../core/index.ts';
import { Certificates } from './certificates.ts';
import { readKeyPair, type KeyPair, type PemFile } from './key-pair.ts';

export interface FollowCertificatesOptions {
  /** Holds `tls.crt` and `tls.key`, as a Secret of type kubernetes.io/tls does when it is mounted, and folders that hold such pairs. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface FollowedCertificates {
  readonly certificates: Certificates;
  /** Resolves when the signal has aborted and nothing is looked at any more. */
  readonly ended: Promise<void>;
}

/** Files are looked at, not watched: a link above them that is swapped, as kubelets do it, is no event of theirs. */
const lookEveryMs = 5000;
/** Two files cannot be replaced at once; what is wrong is looked at again after this time before it is called wrong. */
const settleMs = 100;
const mostBytes = 1024 * 1024;
/** Of the pair that lies in the directory itself. */
const topLevel = '';

/** Follows the pairs of one directory. One that cannot be used changes nothing but `rouse_gateway_certificate_valid`, and says why once. */
class CertificateDirectory {
  readonly certificates = new Certificates();
  readonly #options: FollowCertificatesOptions;
  /** How the files of each folder looked when they were last read. */
  readonly #seen = new Map<string, string>();
  readonly #pairs = new Map<string, KeyPair>();
  readonly #broken = new Set<string>();
  readonly #toldExpired = new WeakSet<KeyPair>();
  #complaint = '';

  constructor(options: FollowCertificatesOptions) {
    this.#options = options;
  }

  /** Throws a `RouseError` with code `certificates-unreadable` where the directory cannot be read. */
  async load(): Promise<void> {
    const folders = await this.#folders();
    let changed = false;
    for (const folder of new Set([...folders, ...this.#seen.keys()])) changed = (await this.#lookAt(folder)) || changed;
    if (changed) this.certificates.use(this.#pairs.values(), this.#pairs.get(topLevel));
    this.#count((folder) => !this.#broken.has(folder));
    this.#tellExpired();
  }

  async reload(): Promise<void> {
    const { directory, logger } = this.#options;
    try {
      await this.load();
      this.#complaint = '';
    } catch (error) {
      this.#count(() => false);
      if (messageOf(error) !== this.#complaint) logger.error('certificates cannot be looked at; those in force stay', { directory, error });
      this.#complaint = messageOf(error);
    }
  }

  #count(isValid: (folder: string) => boolean): void {
    const { files } = this.certificates;
    files.clear();
    for (const folder of this.#seen.keys()) files.set(join(folder, 'tls.crt'), { notAfter: this.#pairs.get(folder)?.notAfter, valid: isValid(folder) ? 1 : 0 });
  }

  async #folders(): Promise<readonly string[]> {
    const { directory } = this.#options;
    try {
      // What begins with a dot is a kubelet's: `..data` and what it points to.
      return [topLevel, ...(await readdir(directory)).filter((name) => !name.startsWith('.'))];
    } catch (error) {
      throw new RouseError('certificates-unreadable', `${directory} cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }

  /** True where another pair is in force than before. */
  async #lookAt(folder: string): Promise<boolean> {
    const { directory, clock, logger } = this.#options;
    const paths = pathsOf(directory, folder);
    const look = await looksOf(paths);
    if (look === this.#seen.get(folder)) return false;
    if (look === undefined) return this.#forget(folder);
    let pair = await readFiles(paths);
    if (!pair.ok) {
      await clock.sleep(millis(settleMs), new AbortController().signal);
      const lookAgain = await looksOf(paths);
      if (lookAgain === undefined) return this.#forget(folder);
      pair = await readFiles(paths);
    }
    this.#seen.set(folder, look);
    const had = this.#pairs.has(folder);
    if (!pair.ok) {
      this.#broken.add(folder);
      logger.error(had ? 'a certificate cannot be used; the one in force stays' : 'a certificate cannot be used', { problem: pair.problem });
      return false;
    }
    this.#broken.delete(folder);
    this.#pairs.set(folder, pair.value);
    const { names, notBefore, notAfter } = pair.value;
    const fields = { file: paths.certificate, names, notAfter: new Date(notAfter).toISOString() };
    logger.info(had ? 'a certificate was read anew' : 'a certificate was read', fields);
    if (names.length === 0 && folder !== topLevel) logger.warn('a certificate is for no DNS name, so that it is never served', fields);
    if (notBefore > clock.now()) logger.warn('a certificate is not valid yet', { ...fields, notBefore: new Date(notBefore).toISOString() });
    return true;
  }

  /** Its files are gone: somebody has taken it away. */
  #forget(folder: string): boolean {
    this.#seen.delete(folder);
    this.#broken.delete(folder);
    const had = this.#pairs.delete(folder);
    if (had) this.#options.logger.info('a certificate was taken away', { file: pathsOf(this.#options.directory, folder).certificate });
    return had;
  }

  #tellExpired(): void {
    const { directory, clock, logger } = this.#options;
    for (const [folder, pair] of this.#pairs) {
      if (pair.notAfter > clock.now() || this.#toldExpired.has(pair)) continue;
      this.#toldExpired.add(pair);
      logger.warn('a certificate has expired; it is served all the same', { file: pathsOf(directory, folder).certificate, names: pair.names });
    }
  }
}

interface PairPaths {
  readonly certificate: string;
  readonly key: string;
}

const pathsOf = (directory: string, folder: string): PairPaths => ({
  certificate: join(directory, folder, 'tls.crt'),
  key: join(directory, folder, 'tls.key'),
});

/** Changes whenever either file does; undefined where there is neither. */
const looksOf = async ({ certificate, key }: PairPaths): Promise<string | undefined> => {
  const looks = await Promise.all([lookOf(certificate), lookOf(key)]);
  return looks.every((look) => look === absent) ? undefined : looks.join(' ');
};

const absent = 'absent';
const lookOf = async (path: string): Promise<string> => {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return code === 'ENOENT' || code === 'ENOTDIR' ? absent : code;
  }
};

const readFiles = async ({ certificate, key }: PairPaths): Promise<Result<KeyPair, string>> => {
  const [certificateFile, keyFile] = await Promise.all([readPem(certificate), readPem(key)]);
  if (!certificateFile.ok) return certificateFile;
  return keyFile.ok ? readKeyPair(certificateFile.value, keyFile.value) : keyFile;
};

const readPem = async (path: string): Promise<Result<PemFile, string>> => {
  try {
    if ((await stat(path)).size > mostBytes) return failed(`${path} is larger than ${mostBytes / 1024} KiB`);
    return ok({ path, text: await readFile(path, 'utf8') });
  } catch (error) {
    return failed(`${path} cannot be read: ${messageOf(error)}`);
  }
};

/** See `on-demand.ts`. */
export const follow = async (options: FollowCertificatesOptions, signal: AbortSignal): Promise<FollowedCertificates> => {
  const directory = new CertificateDirectory(options);
  await directory.load();
  if (![...directory.certificates.files.values()].some(({ notAfter }) => notAfter !== undefined))
    options.logger.error('no certificate can be served: every TLS handshake will fail', { directory: options.directory, want: 'tls.crt and tls.key' });
  return { certificates: directory.certificates, ended: keepFollowing(directory, options.clock, signal) };
};

const keepFollowing = async (directory: CertificateDirectory, clock: Clock, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await clock.sleep(millis(lookEveryMs), signal).catch(() => undefined);
    await directory.reload();
  }
};
