import { ApiError, cause } from '../api-error.ts';
import { facetNamed } from '../operations/facet.ts';
import type { Operations } from '../operations/operations.ts';
import { listPage, type Scope } from '../operations/reader.ts';
import { awaitRevision, invalidOptions, listOptions, revisionOf } from './revision.ts';
import { flagOf, integerOf, type Answer, type Call, type StreamAnswer } from './call.ts';
import { openLog } from './log.ts';
import { listAnswer, objectAnswer } from './present.ts';
import { watchAnswer } from './watch-stream.ts';

const scopeOf = (call: Call): Scope => ({
  resource: call.path.resource,
  namespace: call.path.namespace,
  labelSelector: call.query.get('labelSelector') ?? '',
  fieldSelector: [...(call.path.name === undefined ? [] : [`metadata.name=${call.path.name}`]), call.query.get('fieldSelector') ?? '']
    .filter((part) => part !== '')
    .join(','),
});

/** GET: one object, a sub-resource, a list or a watch. */
export const read = (operations: Operations, call: Call): Answer | StreamAnswer | Promise<Answer | StreamAnswer> => {
  const { path, query } = call;
  if (path.isWatch || flagOfWatch(query)) return watchAnswer(operations, call, scopeOf(call));
  if (path.name === undefined) return list(operations, call);
  const { resource, namespace, name, subresource } = path;
  const found = operations.store.get(resource, namespace, name);
  if (found === undefined) throw ApiError.notFound(resource, name);
  if (subresource === 'log') return openLog(operations, call, found);
  const facet = facetNamed(resource, subresource);
  if (facet === undefined || subresource === 'finalize') throw ApiError.methodNotAllowed(call.method);
  return objectAnswer(call, 200, facet.show(found), operations.clock);
};

const flagOfWatch = (query: URLSearchParams): boolean => query.has('watch') && flagOf(query, 'watch');

const list = (operations: Operations, call: Call): Answer | Promise<Answer> => {
  const { query } = call;
  const match = query.get('resourceVersionMatch') ?? '';
  const version = query.get('resourceVersion') ?? '';
  const continueToken = query.get('continue') ?? '';
  if (match !== '' && version === '') {
    throw invalidOptions('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided');
  }
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan') {
    throw ApiError.invalid(listOptions, '', [cause.unsupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', ''])]);
  }
  if (continueToken !== '' && version !== '' && version !== '0') {
    throw ApiError.badRequest('specifying resource version is not allowed when using continue');
  }
  const revision = revisionOf(version);
  const request = {
    ...scopeOf(call),
    limit: integerOf(query, 'limit') ?? 0,
    continueToken,
    exactRevision: match === 'Exact' ? revision : undefined,
  };
  const answer = (): Answer => listAnswer(call, listPage(operations.store, request), operations.clock);
  if (revision === undefined || revision <= operations.store.revision) return answer();
  return awaitRevision(operations, revision).then(answer);
};
