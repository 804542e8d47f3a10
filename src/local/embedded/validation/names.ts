import { cause, type StatusCause } from '../api-error.ts';
import { isObject, listAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { resourceKey, type ResourceDefinition } from '../registry.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const serviceLabel = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const qualifiedPart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const longestLabel = 63;
const longestSubdomain = 253;
const annotationsLimit = 256 * 1024;

const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const serviceRule =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const qualifiedRule =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

export const isSubdomain = (text: string): boolean => text.length <= longestSubdomain && subdomain.test(text);

const checked = (field: string, text: string, pattern: RegExp, longest: number, rule: string): StatusCause[] => {
  if (text.length > longest) return [cause.invalid(field, text, `must be no more than ${String(longest)} characters`)];
  return pattern.test(text) ? [] : [cause.invalid(field, text, rule)];
};

/** RFC 1123 label: names of containers, volumes, namespaces. */
export const dnsLabelCauses = (field: string, text: string | undefined): StatusCause[] =>
  text === undefined || text === '' ? [cause.required(field)] : checked(field, text, label, longestLabel, labelRule);

export const subdomainCauses = (field: string, text: string | undefined): StatusCause[] =>
  text === undefined || text === '' ? [cause.required(field)] : checked(field, text, subdomain, longestSubdomain, subdomainRule);

/** `[prefix/]name` as in label keys, finalizers and annotations. */
export const qualifiedNameCauses = (field: string, text: string): StatusCause[] => {
  const parts = text.split('/');
  const name = parts.at(-1) ?? '';
  if (parts.length > 2) return [cause.invalid(field, text, "a qualified name must consist of alphanumeric characters with at most one '/'")];
  if (name.length > longestLabel) return [cause.invalid(field, text, 'name part must be no more than 63 bytes')];
  if (!qualifiedPart.test(name)) return [cause.invalid(field, text, qualifiedRule)];
  return parts.length === 2 && !isSubdomain(parts[0] ?? '') ? [cause.invalid(field, text, `prefix part ${subdomainRule}`)] : [];
};

/** Keys and values of a label map. */
export const labelCauses = (field: string, labels: unknown): StatusCause[] => {
  if (labels === undefined) return [];
  if (!isObject(labels)) return [cause.invalid(field, labels, 'must be a map of strings')];
  return Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedNameCauses(field, key),
    ...(typeof value === 'string' && value.length <= longestLabel && labelValue.test(value)
      ? []
      : [cause.invalid(field, value, "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', at most 63 characters")]),
  ]);
};

/** Keys and total size of annotations. */
export const annotationCauses = (field: string, annotations: unknown): StatusCause[] => {
  if (annotations === undefined) return [];
  if (!isObject(annotations)) return [cause.invalid(field, annotations, 'must be a map of strings')];
  const entries = Object.entries(annotations);
  const size = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + (typeof value === 'string' ? Buffer.byteLength(value) : 0), 0);
  return [
    ...entries.flatMap(([key, value]) => [
      ...qualifiedNameCauses(field, key.toLowerCase()),
      ...(typeof value === 'string' ? [] : [cause.invalid(`${field}[${key}]`, value, 'must be a string')]),
    ]),
    ...(size > annotationsLimit ? [cause.tooLong(field, annotationsLimit)] : []),
  ];
};

/** How the names of a kind are formed; most are subdomains, rbac names are path segments. */
const nameCauses = (resource: ResourceDefinition, name: string): StatusCause[] => {
  const field = 'metadata.name';
  if (resource.group === 'rbac.authorization.k8s.io') {
    return name === '.' || name === '..' || /[/%]/.test(name) ? [cause.invalid(field, name, "may not be '.', '..' or contain '/' or '%'")] : [];
  }
  switch (resourceKey(resource)) {
    case '/v1/namespaces':
      return checked(field, name, label, longestLabel, labelRule);
    case '/v1/services':
      return checked(field, name, serviceLabel, longestLabel, serviceRule);
    default:
      return checked(field, name, subdomain, longestSubdomain, subdomainRule);
  }
};

const ownerCauses = (metadata: JsonObject | undefined): StatusCause[] => {
  const owners = listAt(metadata, 'ownerReferences');
  const controllers = owners.filter((owner) => isObject(owner) && owner['controller'] === true);
  return [
    ...owners.flatMap((owner, index) =>
      ['apiVersion', 'kind', 'name', 'uid']
        .filter((part) => (textAt(owner, part) ?? '') === '')
        .map((part) => cause.invalid(`metadata.ownerReferences[${String(index)}].${part}`, textAt(owner, part) ?? '', `${part} must not be empty`)),
    ),
    ...(controllers.length > 1 ? [cause.invalid('metadata.ownerReferences', controllers.length, 'Only one reference can have Controller set to true')] : []),
  ];
};

/** What must hold for the metadata of every kind. */
export const metadataCauses = (resource: ResourceDefinition, object: JsonObject): StatusCause[] => {
  const metadata = objectAt(object, 'metadata');
  const name = textAt(metadata, 'name') ?? '';
  return [
    ...(name === '' ? [cause.required('metadata.name', 'name or generateName is required')] : nameCauses(resource, name)),
    ...labelCauses('metadata.labels', metadata?.['labels']),
    ...annotationCauses('metadata.annotations', metadata?.['annotations']),
    ...ownerCauses(metadata),
    ...listAt(metadata, 'finalizers').flatMap((one) =>
      typeof one === 'string' ? qualifiedNameCauses('metadata.finalizers', one) : [cause.invalid('metadata.finalizers', one, 'must be a string')],
    ),
  ];
};
