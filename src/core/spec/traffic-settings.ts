import type { Millis } from '../units.ts';
import { ignoreRequests } from './ignore-requests.ts';
import { duration, flag, integer, map, oneOf, type Parse } from './scalars.ts';
import { protocols } from './scale-spec.ts';
import { zeroMeans, type Setting, type SettingRow } from './setting.ts';

const hour = 3_600_000;
const upToADay = (): Parse<Millis | 'off'> => map(duration(0, 24 * hour), zeroMeans('off'));
const traffic = <T>(row: SettingRow<T>): Setting<T> => ({ ...row, section: 'Traffic', knative: false });

/** What the gateway does with requests. */
export const trafficSettings = {
  protocol: traffic({
    initial: undefined,
    defaultMeans: "the Service's appProtocol, else its port name, else http1",
    legal: 'http1, h2c, grpc or tcp',
    example: 'h2c',
    meaning: 'what the pods speak',
    parse: oneOf(...protocols),
  }),
  'hold-queue-depth': traffic({
    initial: '1000',
    legal: 'a whole number from 0 to 100000',
    example: '500',
    meaning: 'most requests held per gateway; over it: 503 with Retry-After',
    parse: integer(0, 100_000),
  }),
  'hold-timeout': traffic({
    initial: '60s',
    legal: 'a duration from 0s (never hold) to 1h',
    example: '30s',
    meaning: 'longest hold',
    parse: map(duration(0, hour), zeroMeans('never-hold')),
  }),
  'waiting-page': traffic({
    initial: 'false',
    legal: 'true or false',
    example: 'true',
    meaning: 'browsers get a page that refreshes itself instead of being held',
    parse: flag,
  }),
  'request-timeout': traffic({
    initial: '0s',
    defaultMeans: '0s = off',
    legal: 'a duration from 0s (off) to 24h',
    example: '10m',
    meaning: 'longest time for a whole request',
    parse: upToADay(),
  }),
  'response-start-timeout': traffic({
    initial: '300s',
    legal: 'a duration from 0s (off) to 24h',
    example: '30s',
    meaning: 'longest time until the response begins',
    parse: upToADay(),
  }),
  'idle-timeout': traffic({
    initial: '0s',
    defaultMeans: '0s = off',
    legal: 'a duration from 0s (off) to 24h',
    example: '5m',
    meaning: 'longest silence within a response',
    parse: upToADay(),
  }),
  'ignore-requests': traffic({
    initial: '[{userAgent: kube-probe/}]',
    defaultMeans: "the kubelet's probes",
    legal: 'a YAML list of {path?, userAgent?, header?}',
    example: '[{path: /healthz}, {userAgent: Prometheus/}]',
    meaning: 'requests that are not counted and never wake; path and userAgent are beginnings, header is a name that is there',
    parse: ignoreRequests,
  }),
} as const;
