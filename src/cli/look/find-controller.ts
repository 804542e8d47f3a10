import { annotation, controllerApi, leadsHeader, messageOf, systemClock, systemNamespace } from '../../core/index.ts';
import { createKubeClient, getThroughProxy, KubeError, loadKubeConfig, resources, type KubeConnection, type ProxiedAnswer } from '../../kube/index.ts';
import { CommandError } from '../exit-code.ts';
import { rouseVersion } from '../version.ts';

export interface ControllerAnswer {
  readonly status: number;
  readonly body: string;
  /** Of the controller's API; undefined: it is older than that is told. */
  readonly apiVersion: number | undefined;
  /** Its clock when it answered, ms since 1970, to the second. */
  readonly date: number | undefined;
}

/** A controller's read-only API, wherever that is. */
export interface FoundController {
  /** Namespace of the kubeconfig's context, where one was used. */
  readonly namespace: string | undefined;
  /** Throws a `CommandError` where no controller answers, or one whose API is newer than this command. */
  get(path: string, accept: string): Promise<ControllerAnswer>;
  close(): void;
}

export interface ControllerFinding {
  readonly controller?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** Where `rouse local` serves its API unless it is told otherwise. */
const localUrl = 'http://127.0.0.1:9090';
const service = { namespace: systemNamespace, name: 'rouse-controller', port: 'metrics' };
const patienceMs = 10_000;
/** The proxy takes any replica that is ready. The leader knows best: it is asked for again where a standby answers, so often. */
const tries = 8;

/**
 * By `--controller`; else through the API server of `--kubeconfig`, `--context` or $KUBECONFIG; else `rouse local` on this machine; else through the API server of
 * ~/.kube/config.
 */
export const findController = async (
  flags: ControllerFinding,
  environment: Readonly<Record<string, string | undefined>>,
  note: (line: string) => void,
): Promise<FoundController> => {
  const { controller, kubeconfig, context } = flags;
  if (controller !== undefined) return byUrl(urlOf(controller));
  const named = kubeconfig ?? context ?? environment['KUBECONFIG'];
  if (!named && (await isLocal())) return byUrl(localUrl);
  const connection = await loadKubeConfig(kubeconfig === undefined ? { kind: 'default', context } : { kind: 'file', path: kubeconfig, context }).catch(
    (failure: unknown) => {
      if (!(failure instanceof KubeError)) throw failure;
      const hint = named ? '' : `; no rouse local answers at ${localUrl} either: name a controller with --controller`;
      throw new CommandError('usage', `${failure.message}${hint}`, failure);
    },
  );
  return throughApiServer(connection, note);
};

const urlOf = (text: string): string => {
  const url = URL.parse(text);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href.replace(/\/+$/, '');
  throw new CommandError('usage', `--controller ${text}: want the address of a controller's metrics port, e.g. ${localUrl}`);
};

const fetched = async (url: string, accept: string, withinMs = patienceMs): Promise<ProxiedAnswer> => {
  const response = await fetch(url, { headers: { accept }, signal: AbortSignal.timeout(withinMs) });
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
};

const isOurs = ({ headers }: ProxiedAnswer): boolean => headers[leadsHeader] !== undefined;

const isLocal = async (): Promise<boolean> => {
  try {
    return isOurs(await fetched(`${localUrl}/controller`, 'application/json', 1000));
  } catch {
    return false;
  }
};

/** What was answered, if it can be understood. */
const understood = ({ status, body, headers }: ProxiedAnswer): ControllerAnswer => {
  const told = Number(headers[controllerApi.versionHeader]);
  const apiVersion = Number.isNaN(told) ? undefined : told;
  if (apiVersion !== undefined && apiVersion > controllerApi.version)
    throw new CommandError(
      'failure',
      `the controller answers in version ${String(apiVersion)} of its API, and this rouse (${rouseVersion}) knows up to version ${String(controllerApi.version)}: take the rouse that the controller runs`,
    );
  const date = Date.parse(String(headers['date']));
  return { status, body, apiVersion, date: Number.isNaN(date) ? undefined : date };
};

const byUrl = (base: string): FoundController => ({
  namespace: undefined,
  get: async (path, accept) => {
    const answer = await fetched(`${base}${path}`, accept).catch((failure: unknown) => {
      const cause = failure instanceof Error && failure.cause !== undefined ? failure.cause : failure;
      throw new CommandError('failure', `no controller answers at ${base}: ${messageOf(cause instanceof AggregateError ? cause.errors[0] : cause)}`, failure);
    });
    if (!isOurs(answer)) throw new CommandError('failure', `what answers at ${base} is no controller of Rouse (status ${String(answer.status)})`);
    return understood(answer);
  },
  close: () => undefined,
});

const throughApiServer = (connection: KubeConnection, note: (line: string) => void): FoundController => ({
  namespace: connection.namespace,
  get: async (path, accept) => {
    let answer: ProxiedAnswer | undefined;
    for (let count = 0; count < tries && answer?.headers[leadsHeader] !== 'true'; count++) {
      answer = await getThroughProxy(connection, service, path, accept, AbortSignal.timeout(patienceMs)).catch((failure: unknown) => {
        throw new CommandError('failure', `the API server at ${connection.server.href} cannot be reached: ${messageOf(failure)}`, failure);
      });
      if (!isOurs(answer)) break;
    }
    if (answer !== undefined && isOurs(answer)) return understood(answer);
    const local = answer?.status === 404 ? await localController(connection) : undefined;
    if (local !== undefined) return byUrl(local).get(path, accept);
    if (answer?.status === 404 && (await isLocal())) {
      note(`the cluster of the kubeconfig has no Service ${service.namespace}/${service.name}; asked rouse local at ${localUrl}`);
      return byUrl(localUrl).get(path, accept);
    }
    throw new CommandError('failure', refused(answer, connection.server.href));
  },
  close: () => connection.close(),
});

/** `rouse local` writes into its embedded cluster where its controller answers; nobody is sent anywhere but to this machine. */
const localController = async (connection: KubeConnection): Promise<string | undefined> => {
  const namespace = await createKubeClient({ connection, clock: systemClock }).get(resources.namespaces, { name: systemNamespace });
  const url = namespace.ok ? namespace.value.metadata?.annotations?.[annotation.localController] : undefined;
  return url !== undefined && /^http:\/\/127\.0\.0\.1:\d+$/.test(url) ? url : undefined;
};

const refused = (answer: ProxiedAnswer | undefined, server: string): string => {
  const said = statusMessage(answer?.body ?? '');
  switch (answer?.status) {
    case 401:
      return `the API server at ${server} does not know who you are: ${said}`;
    case 403:
      return `you may not read the controller through the API server: it takes the right to get services/proxy "${service.name}:${service.port}" in namespace ${service.namespace} (docs/explain.md shows the Role): ${said}`;
    case 404:
      return `the API server at ${server} knows no Service ${service.namespace}/${service.name}: Rouse is not installed there; for rouse local name --controller with its metrics port`;
    default:
      return `no controller answers through the API server at ${server} (status ${String(answer?.status)}): ${said}`;
  }
};

/** The message of a Kubernetes `Status`, or the beginning of what else was said. */
const statusMessage = (body: string): string => {
  try {
    const status = JSON.parse(body) as { readonly message?: unknown };
    if (typeof status.message === 'string') return status.message;
  } catch {
    // Said in other words.
  }
  return body.slice(0, 200).trim();
};
