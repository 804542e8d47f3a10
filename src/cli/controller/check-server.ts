import type { KubeClient, KubeConnection } from '../../kube/index.ts';
import { CommandError } from '../exit-code.ts';

const oldest = 30;

/** Throws a `CommandError` where the API server cannot be used: out of reach, no access, or older than 1.30. */
export const checkServer = async (client: KubeClient, connection: KubeConnection): Promise<void> => {
  const version = await client.version();
  if (!version.ok) throw new CommandError('failure', `the API server at ${connection.server.href} cannot be used: ${version.problem.message}`);
  const { major, minor } = version.value;
  if (major === 1 && minor < oldest) throw new CommandError('failure', `the API server is Kubernetes ${major}.${minor}; Rouse needs 1.${oldest} or newer`);
};
