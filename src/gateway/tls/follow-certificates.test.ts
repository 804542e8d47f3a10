import { mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { certificateFor, temporaryDirectory, writePair } from '../../../test/support/tls-rig.ts';
import { createAuthority } from '../../certificates/index.ts';
import { after, jsonLogger, ManualClock, millis, systemClock, type Millis } from '../../core/index.ts';
import { followCertificates, type FollowedCertificates } from '../index.ts';

const [one, two, three] = await Promise.all([certificateFor('one.example'), certificateFor('two.example'), certificateFor('three.example')]);

/** Each look is followed by a long sleep. */
class CountingClock extends ManualClock {
  looks = 0;
  #sleeping = 0;

  override async sleep(delay: Millis, signal: AbortSignal): Promise<void> {
    if (delay >= 1000) this.looks += 1;
    this.#sleeping += 1;
    await super.sleep(delay, signal).finally(() => (this.#sleeping -= 1));
  }

  async nextLook(isOver = () => false): Promise<void> {
    const before = this.looks;
    while (this.looks === before && !isOver()) {
      // Time stands still while files are read, however long that takes.
      if (this.#sleeping > 0) await this.advance(millis(100));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly problem?: string;
}

interface Followed extends FollowedCertificates {
  /** Resolves when the files have been looked at again. */
  readonly look: () => Promise<void>;
  /** Warnings and errors since the last call of this. */
  readonly complaints: () => readonly string[];
  readonly clock: ManualClock;
}

const start = async (t: ExecutionContext, directory: string): Promise<Followed> => {
  const clock = new CountingClock(systemClock.now());
  const lines: LogLine[] = [];
  const logger = jsonLogger((line) => void lines.push(JSON.parse(line) as LogLine), clock, 'info');
  const stop = new AbortController();
  let isOpen = false;
  const opening = followCertificates({ directory, clock, logger }, stop.signal).finally(() => (isOpen = true));
  const [following] = await Promise.all([opening, clock.nextLook(() => isOpen)]);
  t.teardown(async () => {
    stop.abort();
    await following.ended;
  });
  return {
    ...following,
    clock,
    look: () => clock.nextLook(),
    complaints: () =>
      lines
        .splice(0)
        .filter(({ level }) => level !== 'info')
        .map(({ message, problem }) => (problem === undefined ? message : `${message}: ${problem.split(': ')[0] ?? ''}`)),
  };
};
const valid = ({ certificates }: Followed): Readonly<Record<string, number>> =>
  Object.fromEntries([...certificates.files].map(([file, figures]) => [file, figures.valid]));
const serves = ({ certificates }: Followed, ...names: readonly string[]): readonly boolean[] => names.map((name) => certificates.find(name) !== undefined);

test('the pair of the directory itself is for clients that name no server, those of folders go by their names; what else lies there is passed over', async (t) => {
  const directory = await temporaryDirectory(t);
  await writePair(directory, '', one);
  await writePair(directory, 'two', two);
  await writeFile(join(directory, 'ca.crt'), 'anything');
  await writeFile(join(directory, 'two', 'ca.crt'), 'anything');
  await mkdir(join(directory, 'empty'));
  const follows = await start(t, directory);
  t.deepEqual(follows.certificates.fallback?.names, ['one.example']);
  t.deepEqual(serves(follows, 'one.example', 'two.example', 'three.example'), [true, true, false]);
  t.deepEqual(valid(follows), { 'tls.crt': 1, 'two/tls.crt': 1 });
  t.deepEqual(follows.complaints(), []);
});

test('pairs that come, change and go are seen', async (t) => {
  const directory = await temporaryDirectory(t);
  await writePair(directory, 'a', one);
  const follows = await start(t, directory);
  t.is(follows.certificates.fallback, undefined);
  await writePair(directory, 'b', two);
  await writePair(directory, '', three);
  await follows.look();
  t.deepEqual(serves(follows, 'one.example', 'two.example'), [true, true]);
  t.deepEqual(follows.certificates.fallback?.names, ['three.example']);
  await writePair(directory, 'a', three);
  await rm(join(directory, 'b'), { recursive: true });
  await rm(join(directory, 'tls.crt'));
  await rm(join(directory, 'tls.key'));
  await follows.look();
  t.deepEqual(serves(follows, 'one.example', 'two.example', 'three.example'), [false, false, true]);
  t.is(follows.certificates.fallback, undefined);
  t.deepEqual(valid(follows), { 'a/tls.crt': 1 });
  t.deepEqual(follows.complaints(), []);
});

/** As a kubelet mounts a Secret: links to `..data`, a link itself that is swapped. */
const swapSecret = async (directory: string, version: string, pairs: Readonly<Record<string, typeof one>>): Promise<void> => {
  const versioned = join(directory, `..${version}`);
  await mkdir(versioned, { recursive: true });
  for (const [folder, pair] of Object.entries(pairs)) await writePair(versioned, folder, pair);
  await symlink(`..${version}`, join(directory, '..data_tmp'));
  await rename(join(directory, '..data_tmp'), join(directory, '..data'));
};

test('a Secret that is mounted is read anew when its link is swapped', async (t) => {
  const directory = await temporaryDirectory(t);
  await swapSecret(directory, '2026_1', { '': one, shop: two });
  for (const name of ['tls.crt', 'tls.key', 'shop']) await symlink(join('..data', name), join(directory, name));
  const follows = await start(t, directory);
  t.deepEqual(serves(follows, 'one.example', 'two.example'), [true, true]);
  await swapSecret(directory, '2026_2', { '': three, shop: two });
  await rm(join(directory, '..2026_1'), { recursive: true });
  await follows.look();
  t.deepEqual(follows.certificates.fallback?.names, ['three.example']);
  t.deepEqual(serves(follows, 'one.example', 'two.example', 'three.example'), [false, true, true]);
  t.deepEqual(valid(follows), { 'tls.crt': 1, 'shop/tls.crt': 1 });
  t.deepEqual(follows.complaints(), []);
});

test('a pair that cannot be used is told once, and the one in force stays until it can be', async (t) => {
  const directory = await temporaryDirectory(t);
  await writePair(directory, 'a', one);
  const follows = await start(t, directory);
  const [certificate, key] = [join(directory, 'a', 'tls.crt'), join(directory, 'a', 'tls.key')];
  const stays = async (said: string): Promise<void> => {
    await follows.look();
    await follows.look();
    t.deepEqual(follows.complaints(), [`a certificate cannot be used; the one in force stays: ${said}`]);
    t.deepEqual(serves(follows, 'one.example', 'two.example'), [true, false]);
    t.deepEqual(valid(follows), { 'a/tls.crt': 0 });
    t.not(follows.certificates.files.get('a/tls.crt')?.notAfter, undefined);
  };
  await writeFile(certificate, two.certificatePem);
  await stays(`${key} is not the key of ${certificate}`);
  await truncate(certificate, 100);
  await stays(`${certificate} holds no certificate in PEM`);
  await rm(key);
  await stays(`${key} cannot be read`);
  await writeFile(key, 'x'.repeat(1024 * 1024 + 1));
  await stays(`${key} is larger than 1024 KiB`);
  await writePair(directory, 'a', two);
  await follows.look();
  t.deepEqual(serves(follows, 'one.example', 'two.example'), [false, true]);
  t.deepEqual(valid(follows), { 'a/tls.crt': 1 });
  t.deepEqual(follows.complaints(), []);
});

test('a broken pair at the start does not keep the others from being served, and is counted', async (t) => {
  const directory = await temporaryDirectory(t);
  await writePair(directory, 'a', { ...one, keyPem: two.keyPem });
  await writePair(directory, 'b', two);
  const follows = await start(t, directory);
  t.deepEqual(serves(follows, 'one.example', 'two.example'), [false, true]);
  t.deepEqual(valid(follows), { 'a/tls.crt': 0, 'b/tls.crt': 1 });
  t.is(follows.certificates.files.get('a/tls.crt')?.notAfter, undefined);
  t.is(follows.complaints().length, 1);
});

test('a directory without certificates is told of, one that cannot be read is refused; one that vanishes later changes nothing', async (t) => {
  const directory = await temporaryDirectory(t);
  const follows = await start(t, directory);
  t.deepEqual(follows.complaints(), ['no certificate can be served: every TLS handshake will fail']);
  await writePair(directory, '', one);
  await follows.look();
  t.deepEqual(follows.complaints(), []);
  await rename(directory, `${directory}-away`);
  t.teardown(() => rm(`${directory}-away`, { recursive: true, force: true }));
  await follows.look();
  await follows.look();
  t.deepEqual(follows.complaints(), ['certificates cannot be looked at; those in force stay']);
  t.deepEqual(valid(follows), { 'tls.crt': 0 });
  t.deepEqual(serves(follows, 'one.example'), [true]);
  await rename(`${directory}-away`, directory);
  await follows.look();
  t.deepEqual(valid(follows), { 'tls.crt': 1 });
  await t.throwsAsync(start(t, join(directory, 'none')), { code: 'certificates-unreadable', message: /none cannot be read/ });
});

test('a certificate that expires while it is served is told of once, and served on', async (t) => {
  const directory = await temporaryDirectory(t);
  await writePair(directory, '', one);
  const follows = await start(t, directory);
  // Looks go on meanwhile.
  await follows.clock.advance(millis(7 * 24 * 3600 * 1000 - 3600 * 1000));
  await follows.look();
  t.deepEqual(follows.complaints(), []);
  await follows.clock.advance(millis(2 * 3600 * 1000));
  await follows.look();
  await follows.look();
  t.deepEqual(follows.complaints(), ['a certificate has expired; it is served all the same']);
  t.deepEqual(serves(follows, 'one.example'), [true]);
  t.deepEqual(valid(follows), { 'tls.crt': 1 });
});

test('a certificate of which no name can be asked for, and one that is not valid yet, are told of', async (t) => {
  const directory = await temporaryDirectory(t);
  await writePair(directory, 'nameless', await certificateFor());
  const follows = await start(t, directory);
  t.deepEqual(follows.complaints(), ['a certificate is for no DNS name, so that it is never served']);
  const later = await createAuthority({ commonName: 'later', clock: { now: () => after(systemClock.now(), millis(2 * 24 * 3600 * 1000)) }, validDays: 9 });
  await writePair(directory, 'early', await later.issue({ commonName: 'early', dnsNames: ['early.example'], validDays: 2 }));
  await follows.look();
  t.deepEqual(follows.complaints(), ['a certificate is not valid yet']);
});
