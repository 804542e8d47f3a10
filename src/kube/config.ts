import type { KubeConfigSource } from './config-source.ts';
import type { KubeConnection } from './connection.ts';

/**
 * Finds and checks the configuration; makes no call. Throws `KubeError`. client-node costs about a second and 100 MB to load, so it is
 * loaded here, by those who talk to a cluster, and not by importing this folder.
 */
export const loadKubeConfig = async (source: KubeConfigSource): Promise<KubeConnection> => {
  const { connectionFrom } = await import('./config-reader.ts');
  return connectionFrom(source);
};
