import { since } from './age.ts';
import { ageColumn, column, integer, nameColumn, nameOf, none, orNone, wide, type Column } from './column.ts';
import { at, isTrue, listAt, numberAt, objectAt, objectsAt, textAt, textsAt, type JsonObject } from './fields.ts';

const sizeOf = (object: JsonObject, fieldName: string): number => Object.keys(objectAt(object, fieldName) ?? {}).length;

const nodeStatus = (node: JsonObject): string => {
  const known = objectsAt(node, 'status', 'conditions').some((condition) => textAt(condition, 'type') === 'Ready');
  const ready = known ? (isTrue(node, 'Ready') ? 'Ready' : 'NotReady') : 'Unknown';
  return at(node, 'spec', 'unschedulable') === true ? `${ready},SchedulingDisabled` : ready;
};

const rolePrefix = 'node-role.kubernetes.io/';

const nodeRoles = (node: JsonObject): string => {
  const labels = Object.entries(textsAt(node, 'metadata', 'labels'));
  const roles = labels.flatMap(([key, value]) => {
    if (key.startsWith(rolePrefix)) return [key.slice(rolePrefix.length)];
    return key === 'kubernetes.io/role' ? [value] : [];
  });
  return orNone([...new Set(roles.filter((role) => role !== ''))].sort().join(','));
};

const nodeAddress = (type: string) => (node: JsonObject) =>
  textAt(
    objectsAt(node, 'status', 'addresses').find((address) => textAt(address, 'type') === type),
    'address',
  ) ?? none;

const nodeInfo = (node: JsonObject, fieldName: string): string => textAt(node, 'status', 'nodeInfo', fieldName) || '<unknown>';

export const nodeColumns: readonly Column[] = [
  nameColumn,
  column('Status', nodeStatus),
  column('Roles', nodeRoles),
  ageColumn,
  column('Version', (node) => textAt(node, 'status', 'nodeInfo', 'kubeletVersion') ?? ''),
  wide('Internal-IP', nodeAddress('InternalIP')),
  wide('External-IP', nodeAddress('ExternalIP')),
  wide('OS-Image', (node) => nodeInfo(node, 'osImage')),
  wide('Kernel-Version', (node) => {
    const architecture = textAt(node, 'status', 'nodeInfo', 'architecture') ?? '';
    return `${nodeInfo(node, 'kernelVersion')}${architecture === '' ? '' : ` (${architecture})`}`;
  }),
  wide('Container-Runtime', (node) => nodeInfo(node, 'containerRuntimeVersion')),
];

export const namespaceColumns: readonly Column[] = [nameColumn, column('Status', (namespace) => textAt(namespace, 'status', 'phase') ?? ''), ageColumn];

export const configMapColumns: readonly Column[] = [nameColumn, column('Data', (map) => sizeOf(map, 'data') + sizeOf(map, 'binaryData')), ageColumn];

export const secretColumns: readonly Column[] = [
  nameColumn,
  column('Type', (secret) => textAt(secret, 'type') ?? ''),
  column('Data', (secret) => sizeOf(secret, 'data')),
  ageColumn,
];

export const serviceAccountColumns: readonly Column[] = [nameColumn, ageColumn];

export const leaseColumns: readonly Column[] = [nameColumn, column('Holder', (lease) => textAt(lease, 'spec', 'holderIdentity') ?? ''), ageColumn];

export const webhookColumns: readonly Column[] = [nameColumn, integer('Webhooks', (configuration) => listAt(configuration, 'webhooks').length), ageColumn];

/** An Event of either group: core/v1 and events.k8s.io/v1 name the same fields differently. */
const firstText = (event: JsonObject, ...names: readonly string[]): string => names.map((name) => textAt(event, name) ?? '').find((text) => text !== '') ?? '';
const aboutOf = (event: JsonObject): JsonObject => objectAt(event, 'involvedObject') ?? objectAt(event, 'regarding') ?? {};
const sourceOf = (event: JsonObject): JsonObject => objectAt(event, 'source') ?? objectAt(event, 'deprecatedSource') ?? {};
const firstSeen = (event: JsonObject, now: number): string =>
  since(firstText(event, 'firstTimestamp', 'deprecatedFirstTimestamp', 'eventTime') || undefined, now);

const lastSeen = (event: JsonObject, now: number): string => {
  const series = textAt(event, 'series', 'lastObservedTime');
  const last = firstText(event, 'lastTimestamp', 'deprecatedLastTimestamp');
  if (series !== undefined) return since(series, now);
  return last === '' ? firstSeen(event, now) : since(last, now);
};

const eventSource = (event: JsonObject): string => {
  const component = firstText(sourceOf(event), 'component') || firstText(event, 'reportingComponent', 'reportingController');
  const host = firstText(sourceOf(event), 'host') || firstText(event, 'reportingInstance');
  return host === '' ? component : `${component}, ${host}`;
};

export const eventColumns: readonly Column[] = [
  column('Last Seen', lastSeen),
  column('Type', (event) => textAt(event, 'type') ?? ''),
  column('Reason', (event) => textAt(event, 'reason') ?? ''),
  column('Object', (event) => {
    const [kind, name] = [(textAt(aboutOf(event), 'kind') ?? '').toLowerCase(), textAt(aboutOf(event), 'name') ?? ''];
    return name === '' ? kind : `${kind}/${name}`;
  }),
  wide('Subobject', (event) => textAt(aboutOf(event), 'fieldPath') ?? ''),
  wide('Source', eventSource),
  column('Message', (event) => firstText(event, 'message', 'note').trim()),
  wide('First Seen', firstSeen),
  wide('Count', (event) => (numberAt(event, 'series', 'count') ?? numberAt(event, 'count') ?? numberAt(event, 'deprecatedCount') ?? 0) || 1),
  { ...wide('Name', nameOf), format: 'name' },
];

const subjects = (kind: string, print: (subject: JsonObject) => string) => (binding: JsonObject) =>
  objectsAt(binding, 'subjects')
    .filter((subject) => textAt(subject, 'kind') === kind)
    .map(print)
    .join(', ');

const subjectName = (subject: JsonObject): string => textAt(subject, 'name') ?? '';

export const bindingColumns: readonly Column[] = [
  nameColumn,
  column('Role', (binding) => `${textAt(binding, 'roleRef', 'kind') ?? ''}/${textAt(binding, 'roleRef', 'name') ?? ''}`),
  ageColumn,
  wide('Users', subjects('User', subjectName)),
  wide('Groups', subjects('Group', subjectName)),
  wide(
    'ServiceAccounts',
    subjects('ServiceAccount', (subject) => `${textAt(subject, 'namespace') ?? ''}/${subjectName(subject)}`),
  ),
];

/** What kinds without columns of their own show. */
export const plainColumns: readonly Column[] = [
  nameColumn,
  { name: 'Created At', type: 'date', format: '', priority: 0, cell: (object) => textAt(object, 'metadata', 'creationTimestamp') ?? '' },
];
