import { join } from 'node:path';

const program = join(import.meta.dirname, 'programs', 'app.js');

export interface AppOptions {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly replicas?: number;
  readonly command?: readonly string[];
  readonly readinessProbe?: unknown;
  readonly namespace?: string;
  readonly progressDeadlineSeconds?: number;
  /** How long it serves on after its end is known: what a program needs behind a bare Service, whose clients hear of it a moment later. */
  readonly preStopSeconds?: number;
  /** Its `resources.requests`. */
  readonly requests?: Readonly<Record<string, string>>;
}

/** A Deployment of `programs/app.js`; onboarded with a short window unless `annotations` says otherwise. */
export const deployment = (name: string, options: AppOptions = {}): Record<string, unknown> => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: options.namespace ?? 'default', annotations: options.annotations ?? onboarded },
  spec: {
    replicas: options.replicas ?? 0,
    ...(options.progressDeadlineSeconds === undefined ? {} : { progressDeadlineSeconds: options.progressDeadlineSeconds }),
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 2 + (options.preStopSeconds ?? 0),
        containers: [
          {
            name: 'app',
            image: 'example.com/app:1',
            command: options.command ?? [process.execPath, program],
            ...(options.env === undefined ? {} : { env: Object.entries(options.env).map(([key, value]) => ({ name: key, value })) }),
            ports: [{ name: 'http', containerPort: 8080 }],
            ...(options.requests === undefined ? {} : { resources: { requests: options.requests } }),
            ...(options.preStopSeconds === undefined ? {} : { lifecycle: { preStop: { sleep: { seconds: options.preStopSeconds } } } }),
            readinessProbe: options.readinessProbe ?? { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
});

export const onboarded: Readonly<Record<string, string>> = { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s' };

/** The Service of `deployment(name)`: port 80 to the named port. */
export const service = (name: string, namespace = 'default'): Record<string, unknown> => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
});
