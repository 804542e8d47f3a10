import type { LogLevel } from '../core/index.ts';
import type { DataForm } from './output.ts';

/** What the command line says, by command; every flag is described in `program.ts`. */
export interface LocalFlags {
  readonly filename?: readonly string[];
  readonly apiPort: number;
  readonly gatewayPort: number;
  readonly metricsPort: number;
  readonly demo?: boolean;
  readonly tracing?: boolean;
  readonly logLevel: LogLevel;
}

export interface ControllerFlags {
  readonly kubeconfig?: string;
  readonly advertise?: string;
  readonly listen?: string;
  readonly namespaces?: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly writeCa?: string;
  readonly allowExternalGateways?: boolean;
  readonly placement?: boolean;
  readonly tracing?: boolean;
  readonly logLevel: LogLevel;
}

export interface GatewayFlags {
  readonly controller?: readonly string[];
  readonly controllerCa?: string;
  readonly tokenFile?: string;
  readonly listen?: string;
  readonly routes?: string;
  readonly sharedPort?: number;
  readonly tlsPort?: number;
  readonly tlsCertDir?: string;
  readonly proxyProtocol?: boolean;
  readonly trustedProxies?: readonly string[];
  readonly accessLog: string;
  readonly tracing?: boolean;
  readonly workers: number;
  readonly metricsPort: number;
  readonly logLevel: LogLevel;
}

export interface RestoreFlags {
  readonly kubeconfig?: string;
  readonly dryRun?: boolean;
  readonly timeout: string;
  readonly logLevel: LogLevel;
}

export interface UninstallFlags extends RestoreFlags {
  readonly handBackOnly?: boolean;
  readonly cancel?: boolean;
}

export interface SimulateFlags {
  readonly load: string;
  readonly spec: string;
  readonly duration?: string;
  readonly seed: number;
  readonly startTime: string;
  readonly serviceTime: string;
  readonly svg?: string;
  readonly png?: string;
}

export interface ExplainFlags {
  readonly namespace?: string;
  readonly at?: string;
  readonly output: 'text' | 'trace' | DataForm;
  readonly controller?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** Where a controller and its cluster are. */
interface WhereFlags {
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

export interface ListingFlags extends WhereFlags {
  readonly allNamespaces?: boolean;
  readonly watch?: boolean;
  readonly output?: DataForm;
  readonly controller?: string;
}

export interface TopFlags extends ListingFlags {
  readonly by: 'load' | 'held' | 'pods';
}

export type EventsFlags = Omit<ListingFlags, 'controller'>;

export interface SwitchFlags extends WhereFlags {
  readonly yes?: boolean;
}

export interface DoctorFlags extends Omit<WhereFlags, 'namespace'> {
  readonly output?: DataForm;
  readonly controller?: string;
}
