import { createAuthority, loadAuthority, type Authority } from '../certificates/index.ts';
import { systemNamespace, type Clock } from '../core/index.ts';
import { resources, type KubeClient } from '../kube/index.ts';
import { CommandError } from './exit-code.ts';

const name = { namespace: systemNamespace, name: 'rouse-ca' };
const validDays = 3650;

/** The CA that all replicas share: out of Secret `rouse-ca`, made by whoever comes first. */
export const sharedAuthority = async (client: KubeClient, clock: Clock): Promise<Authority> => {
  const found = await readAuthority(client, clock);
  if (found !== undefined) return found;
  const made = await createAuthority({ commonName: 'rouse', clock, validDays });
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  const created = await client.create(resources.secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: name,
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': encode(made.certificatePem), 'tls.key': encode(made.keyPem) },
  });
  if (created.ok) return made;
  if (created.problem.kind === 'not-found')
    throw new CommandError('failure', `the namespace ${systemNamespace} does not exist: create it, or install Rouse first`);
  if (created.problem.kind !== 'already-exists')
    throw new CommandError('failure', `cannot create the Secret ${name.namespace}/${name.name}: ${created.problem.message}`);
  const other = await readAuthority(client, clock);
  if (other === undefined) throw new CommandError('failure', `the Secret ${name.namespace}/${name.name} was deleted while it was read; start again`);
  return other;
};

const readAuthority = async (client: KubeClient, clock: Clock): Promise<Authority | undefined> => {
  const secret = await client.get(resources.secrets, name);
  if (!secret.ok) {
    if (secret.problem.kind === 'not-found') return undefined;
    throw new CommandError('failure', `cannot read the Secret ${name.namespace}/${name.name}: ${secret.problem.message}`);
  }
  const decode = (key: string): string => Buffer.from(secret.value.data?.[key] ?? '', 'base64').toString('utf8');
  try {
    return await loadAuthority({ certificatePem: decode('tls.crt'), keyPem: decode('tls.key') }, clock);
  } catch (failure) {
    throw new CommandError('failure', `the Secret ${name.namespace}/${name.name} holds no usable CA; delete it and it is made anew`, failure);
  }
};
