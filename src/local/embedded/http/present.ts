import { stringify } from 'yaml';
import type { Clock } from '../../../core/index.ts';
import { at, isObject, textAt, type JsonObject } from '../json.ts';
import { apiVersionOf } from '../registry.ts';
import type { ListPage } from '../operations/reader.ts';
import { itemText, jsonLine, objectText } from '../store/serialise.ts';
import { viewOf } from '../strategy/views.ts';
import { renderTable } from '../table/table.ts';
import { negotiate, type Representation } from './accept.ts';
import type { Answer, Call } from './call.ts';

const json = 'application/json';

const includeOf = (call: Call): 'None' | 'Metadata' | 'Object' => {
  const text = call.query.get('includeObject');
  return text === 'None' || text === 'Object' ? text : 'Metadata';
};

const partial = (object: JsonObject): JsonObject => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata: object['metadata'],
});

const formsOfObjects: readonly Representation[] = ['object', 'yaml', 'table', 'partial'];

export const formOf = (call: Call): Representation => negotiate(call.headers.accept, formsOfObjects);

/** One object in the form that the client asked for. `object` is a view or a sub-resource's object, deeply frozen. */
export const presentObject = (call: Call, object: JsonObject, clock: Clock, headers = true): string => {
  const { resource } = call.path;
  switch (formOf(call)) {
    case 'table': {
      // Scale, Status and their like have no columns of their own.
      const kind = textAt(object, 'kind') ?? '';
      if (kind === 'Status') return jsonLine(object);
      const metadata = { resourceVersion: textAt(object, 'metadata', 'resourceVersion') };
      const options = { resource: { group: resource.group, kind }, now: clock.now(), includeObject: includeOf(call), headers, metadata };
      return jsonLine(renderTable([object], options));
    }
    case 'partial':
      return isObject(at(object, 'metadata')) ? jsonLine(partial(object)) : jsonLine(object);
    case 'yaml':
      return stringify(object);
    default:
      return objectText(object);
  }
};

export const objectAnswer = (call: Call, code: number, object: JsonObject, clock: Clock): Answer => ({
  code,
  body: presentObject(call, object, clock),
  contentType: formOf(call) === 'yaml' ? 'application/yaml' : json,
});

const listMetadata = (page: ListPage): JsonObject => ({
  resourceVersion: String(page.revision),
  ...(page.continueToken === undefined ? {} : { continue: page.continueToken }),
  ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
});

/** A page of a list in the form that the client asked for. */
export const listAnswer = (call: Call, page: ListPage, clock: Clock): Answer => {
  const { resource } = call.path;
  const metadata = listMetadata(page);
  const views = page.items.map((item) => viewOf(resource, item));
  const head = `{"kind":${JSON.stringify(`${resource.kind}List`)},"apiVersion":${JSON.stringify(apiVersionOf(resource))},"metadata":${JSON.stringify(metadata)},"items":[`;
  switch (formOf(call)) {
    case 'table': {
      const options = { resource, now: clock.now(), includeObject: includeOf(call), headers: true, metadata };
      return { code: 200, body: jsonLine(renderTable(views, options)), contentType: json };
    }
    case 'partial': {
      const list = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: views.map(partial) };
      return { code: 200, body: jsonLine(list), contentType: json };
    }
    case 'yaml':
      return {
        code: 200,
        body: stringify({ kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata, items: views }),
        contentType: 'application/yaml',
      };
    default:
      return { code: 200, body: `${head}${views.map(itemText).join(',')}]}`, contentType: json };
  }
};
