import { afterStep, createAuthority, loadAuthority, rotationStep, splitBundle, type AuthorityKeys, type KeyedCertificate } from '../../certificates/index.ts';
import { failed, ok, systemNamespace, type Clock, type Result } from '../../core/index.ts';
import { resources, type KubeClient, type Refusal } from '../../kube/index.ts';
import { CommandError } from '../exit-code.ts';

const name = { namespace: systemNamespace, name: 'rouse-ca' };
const validDays = 3650;

type SecretClient = Pick<KubeClient, 'get' | 'create' | 'mergePatch'>;

/** The authority that all replicas share, as it stands in Secret `rouse-ca`. */
export interface SharedKeys {
  readonly keys: AuthorityKeys;
  readonly resourceVersion: string | undefined;
}

/**
 * Reads it; where there is none, whoever comes first makes one. `before`: what is in use, where the Secret was deleted meanwhile: it signs on, and a new one
 * is its next, so that nobody meets a certificate of which they have not heard. Throws a `CommandError`.
 */
export const sharedKeys = async (client: SecretClient, clock: Clock, before?: AuthorityKeys): Promise<SharedKeys> => {
  const found = await readKeys(client, clock);
  if (found !== undefined) return found;
  const fresh = await made(clock);
  const trusted = [...new Set([...(before?.trusted ?? []), fresh.certificatePem])];
  const keys: AuthorityKeys = before === undefined ? { current: fresh, next: undefined, trusted } : { current: before.current, next: fresh, trusted };
  const created = await client.create(resources.secrets, { apiVersion: 'v1', kind: 'Secret', metadata: name, type: 'kubernetes.io/tls', data: dataOf(keys) });
  if (created.ok) return { keys, resourceVersion: created.value.metadata?.resourceVersion };
  if (created.problem.kind === 'not-found')
    throw new CommandError('failure', `the namespace ${systemNamespace} does not exist: create it, or install Rouse first`);
  if (created.problem.kind !== 'already-exists')
    throw new CommandError('failure', `cannot create the Secret ${name.namespace}/${name.name}: ${created.problem.message}`);
  const other = await readKeys(client, clock);
  if (other === undefined) throw new CommandError('failure', `the Secret ${name.namespace}/${name.name} was deleted while it was read; start again`);
  return other;
};

/** Renews the authority where it is time to, one step at a call; the value says what was done. A refusal is met again at the next call. */
export const rotateKeys = async (
  client: SecretClient,
  clock: Clock,
  { keys, resourceVersion }: SharedKeys,
): Promise<Result<{ readonly shared: SharedKeys; readonly step: ReturnType<typeof rotationStep> }, Refusal>> => {
  const step = rotationStep(keys, clock);
  if (step === 'rest') return ok({ shared: { keys, resourceVersion }, step });
  const next = await afterStep(keys, step, () => made(clock));
  // Conditional: a leader that was replaced while it was at it does not undo what the next one did.
  const written = await client.mergePatch(resources.secrets, name, { metadata: { resourceVersion }, data: { ...noNext, ...dataOf(next) } });
  if (!written.ok) return failed(written.problem);
  return ok({ shared: { keys: next, resourceVersion: written.value.metadata?.resourceVersion }, step });
};

const made = async (clock: Clock): Promise<KeyedCertificate> => {
  const { certificatePem, keyPem } = await createAuthority({ commonName: 'rouse', clock, validDays });
  return { certificatePem, keyPem };
};

const noNext = { 'next.crt': null, 'next.key': null };

const dataOf = ({ current, next, trusted }: AuthorityKeys): Readonly<Record<string, string>> => {
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  return {
    'tls.crt': encode(current.certificatePem),
    'tls.key': encode(current.keyPem),
    'ca.crt': encode(trusted.join('')),
    ...(next === undefined ? {} : { 'next.crt': encode(next.certificatePem), 'next.key': encode(next.keyPem) }),
  };
};

const readKeys = async (client: SecretClient, clock: Clock): Promise<SharedKeys | undefined> => {
  const secret = await client.get(resources.secrets, name);
  if (!secret.ok) {
    if (secret.problem.kind === 'not-found') return undefined;
    throw new CommandError('failure', `cannot read the Secret ${name.namespace}/${name.name}: ${secret.problem.message}`);
  }
  const { data, metadata } = secret.value;
  const decode = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
  const pair = async (certificate: string, key: string): Promise<KeyedCertificate> => {
    const { certificatePem, keyPem } = await loadAuthority({ certificatePem: decode(certificate), keyPem: decode(key) }, clock);
    return { certificatePem, keyPem };
  };
  try {
    const current = await pair('tls.crt', 'tls.key');
    const next = data?.['next.crt'] === undefined ? undefined : await pair('next.crt', 'next.key');
    const own = next === undefined ? [current.certificatePem] : [current.certificatePem, next.certificatePem];
    const trusted = [...new Set([...own, ...splitBundle(decode('ca.crt'))])];
    return { keys: { current, next, trusted }, resourceVersion: metadata?.resourceVersion };
  } catch (failure) {
    throw new CommandError('failure', `the Secret ${name.namespace}/${name.name} holds no usable CA; delete it and it is made anew`, failure);
  }
};
