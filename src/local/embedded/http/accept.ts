import { ApiError } from '../api-error.ts';

/** The form of an answer. */
export type Representation = 'object' | 'yaml' | 'table' | 'partial' | 'discovery-v2' | 'discovery-v2beta1';

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const parseRange = (text: string): MediaRange => {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim());
  return { type: type.toLowerCase(), parameters: new Map(rest.map((part) => [part.split('=')[0] ?? '', part.split('=')[1] ?? ''])) };
};

const asForms: Readonly<Record<string, Representation>> = {
  'Table/v1': 'table',
  'PartialObjectMetadata/v1': 'partial',
  'PartialObjectMetadataList/v1': 'partial',
  'APIGroupDiscoveryList/v2': 'discovery-v2',
  'APIGroupDiscoveryList/v2beta1': 'discovery-v2beta1',
};

const representationOf = ({ type, parameters }: MediaRange): Representation | undefined => {
  if (type === 'application/json') {
    const form = parameters.get('as');
    return form === undefined ? 'object' : asForms[`${form}/${parameters.get('v') ?? ''}`];
  }
  if (type === 'application/yaml') return 'yaml';
  return type === '*/*' || type === 'application/*' ? 'object' : undefined;
};

/** The first form of an Accept header that is among `offered`; 406 if there is none. */
export const negotiate = (accept: string | undefined, offered: readonly Representation[]): Representation => {
  if (accept === undefined || accept.trim() === '') return 'object';
  for (const range of accept.split(',')) {
    const form = representationOf(parseRange(range));
    if (form !== undefined && offered.includes(form)) return form;
  }
  throw new ApiError({
    code: 406,
    reason: 'NotAcceptable',
    message: 'only the following media types are accepted: application/json, application/yaml',
  });
};
