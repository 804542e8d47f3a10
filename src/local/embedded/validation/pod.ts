import { cause, type StatusCause } from '../api-error.ts';
import { at, isObject, listAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { atLeast, oneOf, portName, portNumber, portReference, protocols, quantityCauses, unique } from './checks.ts';
import { dnsLabelCauses } from './names.ts';

const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc'];

const handlerCauses = (field: string, handler: JsonObject, kinds: readonly string[]): StatusCause[] => {
  const given = kinds.filter((kind) => handler[kind] !== undefined);
  if (given.length === 0) return [cause.required(field, 'must specify a handler type')];
  return [
    ...given.slice(1).map((kind) => cause.forbidden(`${field}.${kind}`, 'may not specify more than 1 handler type')),
    ...(handler['httpGet'] === undefined ? [] : portReference(`${field}.httpGet.port`, at(handler, 'httpGet', 'port'))),
    ...(handler['tcpSocket'] === undefined ? [] : portReference(`${field}.tcpSocket.port`, at(handler, 'tcpSocket', 'port'))),
    ...(handler['grpc'] === undefined ? [] : portNumber(`${field}.grpc.port`, at(handler, 'grpc', 'port'))),
    ...oneOf(`${field}.httpGet.scheme`, at(handler, 'httpGet', 'scheme'), ['HTTP', 'HTTPS']),
    ...(handler['exec'] !== undefined && listAt(handler, 'exec', 'command').length === 0 ? [cause.required(`${field}.exec.command`)] : []),
  ];
};

const probeCauses = (field: string, probe: unknown, readiness: boolean): StatusCause[] => {
  if (!isObject(probe)) return [];
  return [
    ...handlerCauses(field, probe, handlers),
    ...atLeast(`${field}.initialDelaySeconds`, probe['initialDelaySeconds'], 0),
    ...['timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'].flatMap((name) => atLeast(`${field}.${name}`, probe[name], 1)),
    ...(!readiness && (probe['successThreshold'] ?? 1) !== 1 ? [cause.invalid(`${field}.successThreshold`, probe['successThreshold'], 'must be 1')] : []),
  ];
};

const envCauses = (field: string, variable: unknown): StatusCause[] => {
  const name = textAt(variable, 'name') ?? '';
  const value = at(variable, 'value');
  return [
    ...(name === '' ? [cause.required(`${field}.name`)] : []),
    ...(/[=\u0000-\u001f\u007f-\uffff]/.test(name)
      ? [cause.invalid(`${field}.name`, name, "a valid environment variable name must consist only of printable ASCII characters other than '='")]
      : []),
    ...(value !== undefined && value !== '' && at(variable, 'valueFrom') !== undefined
      ? [cause.invalid(`${field}.valueFrom`, '', 'may not be specified when `value` is not empty')]
      : []),
  ];
};

const resourceCauses = (field: string, resources: unknown): StatusCause[] =>
  ['requests', 'limits'].flatMap((kind) =>
    Object.entries(objectAt(resources, kind) ?? {}).flatMap(([name, value]) => quantityCauses(`${field}.${kind}[${name}]`, value)),
  );

const mountCauses = (field: string, container: JsonObject, volumes: ReadonlySet<string>): StatusCause[] =>
  listAt(container, 'volumeMounts').flatMap((mount, index) => {
    const name = textAt(mount, 'name') ?? '';
    return [
      ...(volumes.has(name)
        ? []
        : [{ reason: 'FieldValueNotFound', message: `Not found: ${JSON.stringify(name)}`, field: `${field}.volumeMounts[${String(index)}].name` }]),
      ...((textAt(mount, 'mountPath') ?? '') === '' ? [cause.required(`${field}.volumeMounts[${String(index)}].mountPath`)] : []),
    ];
  });

const containerCauses = (field: string, container: unknown, volumes: ReadonlySet<string>): StatusCause[] => {
  if (!isObject(container)) return [cause.required(field)];
  return [
    ...dnsLabelCauses(`${field}.name`, textAt(container, 'name')),
    ...((textAt(container, 'image') ?? '').trim() === '' ? [cause.required(`${field}.image`)] : []),
    ...oneOf(`${field}.imagePullPolicy`, container['imagePullPolicy'], ['Always', 'IfNotPresent', 'Never']),
    ...oneOf(`${field}.terminationMessagePolicy`, container['terminationMessagePolicy'], ['File', 'FallbackToLogsOnError']),
    ...listAt(container, 'ports').flatMap((port, index) => [
      ...portNumber(`${field}.ports[${String(index)}].containerPort`, at(port, 'containerPort')),
      ...portName(`${field}.ports[${String(index)}].name`, at(port, 'name')),
      ...oneOf(`${field}.ports[${String(index)}].protocol`, at(port, 'protocol'), protocols),
    ]),
    ...unique(
      (index) => `${field}.ports[${String(index)}].name`,
      listAt(container, 'ports').map((port) => textAt(port, 'name')),
    ),
    ...listAt(container, 'env').flatMap((variable, index) => envCauses(`${field}.env[${String(index)}]`, variable)),
    ...mountCauses(field, container, volumes),
    ...resourceCauses(`${field}.resources`, container['resources']),
    ...probeCauses(`${field}.livenessProbe`, container['livenessProbe'], false),
    ...probeCauses(`${field}.readinessProbe`, container['readinessProbe'], true),
    ...probeCauses(`${field}.startupProbe`, container['startupProbe'], false),
    ...['preStop', 'postStart'].flatMap((hook) => {
      const handler = objectAt(container, 'lifecycle', hook);
      return handler === undefined ? [] : handlerCauses(`${field}.lifecycle.${hook}`, handler, [...handlers, 'sleep']);
    }),
  ];
};

/** A pod spec, of a pod or of a template. `field` is its path. */
export const podSpecCauses = (field: string, spec: JsonObject | undefined): StatusCause[] => {
  const volumes = listAt(spec, 'volumes');
  const volumeNames = new Set(volumes.flatMap((volume) => textAt(volume, 'name') ?? []));
  const lists = ['containers', 'initContainers'] as const;
  const names = lists.flatMap((list) => listAt(spec, list).map((container) => textAt(container, 'name')));
  return [
    ...(listAt(spec, 'containers').length === 0 ? [cause.required(`${field}.containers`)] : []),
    ...lists.flatMap((list) => listAt(spec, list).flatMap((one, index) => containerCauses(`${field}.${list}[${String(index)}]`, one, volumeNames))),
    ...unique((index) => `${field}.containers[${String(index)}].name`, names),
    ...volumes.flatMap((volume, index) => dnsLabelCauses(`${field}.volumes[${String(index)}].name`, textAt(volume, 'name'))),
    ...unique(
      (index) => `${field}.volumes[${String(index)}].name`,
      volumes.map((volume) => textAt(volume, 'name')),
    ),
    ...oneOf(`${field}.restartPolicy`, spec?.['restartPolicy'], ['Always', 'OnFailure', 'Never']),
    ...oneOf(`${field}.dnsPolicy`, spec?.['dnsPolicy'], ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None']),
    ...atLeast(`${field}.terminationGracePeriodSeconds`, spec?.['terminationGracePeriodSeconds'], 0),
    ...atLeast(`${field}.activeDeadlineSeconds`, spec?.['activeDeadlineSeconds'], 1),
  ];
};
