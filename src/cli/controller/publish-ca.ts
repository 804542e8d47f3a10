import { systemNamespace } from '../../core/index.ts';
import { resources, type KubeClient } from '../../kube/index.ts';
import { CommandError } from '../exit-code.ts';

const name = { namespace: systemNamespace, name: 'rouse-ca' };
const key = 'ca.crt';

/** Puts the CA certificate where the gateways mount it from: ConfigMap `rouse-ca`. Every replica does, so that no gateway waits for a leader. Throws a `CommandError`. */
export const publishCa = async (client: Pick<KubeClient, 'get' | 'create' | 'mergePatch'>, pem: string): Promise<void> => {
  const found = await client.get(resources.configMaps, name);
  if (found.ok && found.value.data?.[key] === pem) return;
  if (!found.ok && found.problem.kind !== 'not-found') throw refused('read', found.problem.message);
  const written = found.ok
    ? await client.mergePatch(resources.configMaps, name, { data: { [key]: pem } })
    : await client.create(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: name, data: { [key]: pem } });
  // Another replica was faster, with the same CA.
  if (!written.ok && written.problem.kind !== 'already-exists') throw refused('write', written.problem.message);
};

const refused = (doing: string, message: string): CommandError =>
  new CommandError('failure', `cannot ${doing} the ConfigMap ${name.namespace}/${name.name}: ${message}`);
