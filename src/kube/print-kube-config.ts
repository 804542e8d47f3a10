/** What a kubeconfig for one server and one user is written from. */
export interface KubeConfigParts {
  /** E.g. `https://127.0.0.1:8001`. */
  readonly server: string;
  /** PEM; absent for plain HTTP or a publicly trusted server. */
  readonly caPem?: string | undefined;
  readonly token?: string | undefined;
  readonly namespace?: string | undefined;
  /** Name of cluster, user and context; default `rouse`. */
  readonly name?: string | undefined;
}

/** The text of a kubeconfig that kubectl and `loadKubeConfig` read (JSON, which is YAML too). */
export const printKubeConfig = ({ server, caPem, token, namespace, name = 'rouse' }: KubeConfigParts): string => {
  const cluster = { server, ...(caPem === undefined ? {} : { 'certificate-authority-data': Buffer.from(caPem).toString('base64') }) };
  const context = { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) };
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name, user: token === undefined ? {} : { token } }],
    contexts: [{ name, context }],
    'current-context': name,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
};
