import { parseWorkloadKey } from '../../core/index.ts';
import type { LogEntry } from './entry.ts';

/** A value of a line; undefined where there is none: null, or `-` within a longer text. */
export type LogValue = string | number | undefined;

/** `''` is none, too. */
const given = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
const rounded = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : Math.round(ms * 1000) / 1000);

/** Every field of the access log but `header(NAME)`; docs/gateway.md has what they mean. */
export const logFields = {
  time: ({ arrivedAt }) => new Date(arrivedAt).toISOString(),
  method: ({ request }) => request?.method,
  path: ({ request }) => request?.path,
  host: ({ request }) => given(request?.host),
  protocol: ({ protocol }) => protocol,
  status: ({ status }) => status,
  duration_ms: ({ durationMs }) => rounded(durationMs),
  held_ms: ({ heldMs }) => rounded(heldMs),
  request_bytes: ({ requestBytes }) => requestBytes,
  response_bytes: ({ responseBytes }) => responseBytes,
  namespace: ({ workload }) => (workload === undefined ? undefined : parseWorkloadKey(workload)?.namespace),
  workload: ({ workload }) => workload?.slice(workload.indexOf('/') + 1),
  revision: ({ revision }) => given(revision),
  pod: ({ pod }) => pod?.name,
  pod_address: ({ pod }) => pod?.address,
  client_address: ({ clientAddress }) => given(clientAddress),
  user_agent: ({ request }) => given(request?.userAgent),
  reason: ({ reason }) => reason,
  aborted_by: ({ abortedBy }) => abortedBy,
} as const satisfies Readonly<Record<string, (entry: LogEntry) => LogValue>>;

type FieldName = keyof typeof logFields;
export const logFieldNames = Object.keys(logFields) as readonly FieldName[];

/** What `json` stands for: everything, and what ties a line to other systems. */
export const defaultTemplate: Readonly<Record<string, string>> = {
  ...Object.fromEntries(logFieldNames.map((name) => [name, `%${name}%`])),
  request_id: '%header(x-request-id)%',
  traceparent: '%header(traceparent)%',
};

/** What stands between two percent signs; undefined where it is no field. */
export const logField = (name: string): ((entry: LogEntry) => LogValue) | undefined => {
  if (Object.hasOwn(logFields, name)) return logFields[name as FieldName];
  const header = /^header\(([!#$&'*+\-.^_`|~\w]+)\)$/.exec(name)?.[1]?.toLowerCase();
  return header === undefined ? undefined : ({ request }) => request?.header(header);
};
