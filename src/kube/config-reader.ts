import { KubeConfig } from '@kubernetes/client-node';
import { accessSync, constants, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import { parse } from 'yaml';
import { messageOf } from '../core/index.ts';
import type { KubeConfigSource } from './config-source.ts';
import { KubeConnection } from './connection.ts';
import { KubeError } from './errors.ts';
import { at, items, text } from './reader.ts';

/** The checked configuration as a connection. Throws `KubeError`. */
export const connectionFrom = (source: KubeConfigSource): KubeConnection => {
  const config = read(source);
  const where = describeSource(source);
  if ('context' in source && source.context !== undefined) config.setCurrentContext(source.context);
  const context = config.getContextObject(config.getCurrentContext());
  if (context === null) throw noContext(config, where);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw invalid(`${where}: context "${context.name}" names cluster "${context.cluster}", which is not there`);
  const user = config.getCurrentUser();
  if (user === null) throw invalid(`${where}: context "${context.name}" names user "${context.user}", which is not there`);
  const server = parseServer(cluster.server, where);
  for (const file of [cluster.caFile, user.certFile, user.keyFile]) if (file) checkReadable(file, where);
  // client-node refuses plain http unless told that there is no TLS to verify.
  const plain = server.protocol === 'http:';
  if (plain && !cluster.skipTLSVerify && !isLoopback(server.hostname)) {
    throw invalid(`${where}: ${cluster.server} is plain HTTP to another machine; use https, or set insecure-skip-tls-verify: true if that is meant`);
  }
  const normal = { ...cluster, server: cluster.server.replace(/\/+$/, ''), ...(plain ? { skipTLSVerify: true } : {}) };
  config.clusters = config.clusters.map((each) => (each === cluster ? normal : each));
  return new KubeConnection(config, server, context.namespace);
};

const read = (source: KubeConfigSource): KubeConfig => {
  const config = new KubeConfig();
  switch (source.kind) {
    case 'file':
      parseInto(config, readText(source.path), source.path);
      config.makePathsAbsolute(dirname(source.path));
      return config;
    case 'text':
      parseInto(config, source.text, describeSource(source));
      return config;
    case 'in-cluster':
      config.loadFromCluster();
      if (config.getCurrentCluster()?.server.includes('undefined') !== false) {
        throw new KubeError('kube/not-in-cluster', 'not inside a cluster: KUBERNETES_SERVICE_HOST is not set; name a kubeconfig instead');
      }
      return config;
    case 'default':
      return readDefault(config);
  }
};

const readDefault = (config: KubeConfig): KubeConfig => {
  try {
    config.loadFromDefault();
  } catch (cause) {
    throw invalid(`${describeSource({ kind: 'default' })} cannot be used: ${messageOf(cause)}`, cause);
  }
  // What client-node makes up when it found nothing at all.
  if (config.getCurrentContext() === 'loaded-context') {
    throw new KubeError('kube/config-unreadable', 'no kubeconfig found: neither $KUBECONFIG nor ~/.kube/config is there, and this is no pod of a cluster');
  }
  return config;
};

const parseInto = (config: KubeConfig, content: string, where: string): void => {
  let document: unknown;
  try {
    document = parse(content);
  } catch (cause) {
    // Behind its first line stands the piece of the file.
    const [problem = ''] = messageOf(cause).split('\n');
    throw invalid(`${where} is not YAML: ${problem.replace(/:$/, '')}`, cause);
  }
  for (const part of ['clusters', 'contexts', 'users']) {
    if (!Array.isArray(at(document, part))) throw invalid(`${where} is no kubeconfig: it has no list "${part}"`);
  }
  if (!items(at(document, 'clusters')).every((entry) => text(at(entry, 'cluster', 'server')) !== undefined)) {
    throw invalid(`${where}: a cluster has no "server" (want e.g. server: https://10.0.0.1:6443)`);
  }
  try {
    config.loadFromString(content);
  } catch (cause) {
    throw invalid(`${where} is no valid kubeconfig: ${messageOf(cause)}`, cause);
  }
};

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new KubeError('kube/config-unreadable', `kubeconfig ${path} cannot be read: ${absent ? 'there is no such file' : messageOf(cause)}`, { cause });
  }
};

const checkReadable = (path: string, where: string): void => {
  try {
    accessSync(path, constants.R_OK);
  } catch (cause) {
    throw new KubeError('kube/config-unreadable', `${where} names a file that cannot be read: ${messageOf(cause)}`, { cause });
  }
};

const noContext = (config: KubeConfig, where: string): KubeError => {
  const known = config.getContexts().map(({ name }) => name);
  const choice = known.length === 0 ? 'there are no contexts' : `there are: ${known.join(', ')}`;
  const wanted = config.getCurrentContext();
  return invalid(wanted ? `${where} has no context "${wanted}"; ${choice}` : `${where} has no current-context; ${choice}`);
};

const parseServer = (server: string, where: string): URL => {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw invalid(`${where}: "${server}" is no address of an API server (want e.g. https://10.0.0.1:6443)`);
};

const isLoopback = (hostname: string): boolean => {
  const host = hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
};

const describeSource = (source: KubeConfigSource): string => {
  switch (source.kind) {
    case 'file':
      return `kubeconfig ${source.path}`;
    case 'text':
      return 'the given kubeconfig';
    case 'in-cluster':
      return 'the in-cluster configuration';
    case 'default':
      return 'the kubeconfig ($KUBECONFIG, else ~/.kube/config)';
  }
};

const invalid = (message: string, cause?: unknown): KubeError => new KubeError('kube/config-invalid', message, { cause });
