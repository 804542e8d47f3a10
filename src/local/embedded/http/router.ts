import { ApiError } from '../api-error.ts';
import { frozenObject } from '../json.ts';
import { bindPod } from '../operations/binding.ts';
import { evictPod } from '../operations/eviction.ts';
import type { Operations } from '../operations/operations.ts';
import { review } from '../operations/review.ts';
import { requestToken } from '../operations/token.ts';
import type { Target } from '../operations/writer.ts';
import { checkKind } from '../strategy/prepare.ts';
import { parseObject } from './body.ts';
import { decoded, writeContext, type Answer, type Call, type StreamAnswer } from './call.ts';
import { patch } from './patch.ts';
import { objectAnswer } from './present.ts';
import { read } from './read.ts';
import { readUsage } from './usage.ts';
import { create, remove, removeAll, replace } from './write.ts';

const tokenRequest = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };

const success = frozenObject({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });

/** POST of a sub-resource. */
const createSubresource = async (operations: Operations, call: Call, target: Target): Promise<Answer> => {
  const { resource, subresource } = call.path;
  const body = parseObject(await call.body(), call.headers['content-type']);
  const context = writeContext(call);
  switch (`${resource.plural}/${subresource}`) {
    case 'pods/binding':
      await bindPod(operations, target, checkKind({ group: '', version: 'v1', kind: 'Binding' }, body), context);
      return objectAnswer(call, 201, success, operations.clock);
    case 'pods/eviction':
      await evictPod(operations, target, checkKind({ group: 'policy', version: 'v1', kind: 'Eviction' }, body), context);
      return objectAnswer(call, 201, success, operations.clock);
    case 'serviceaccounts/token': {
      const request = decoded(call, tokenRequest, checkKind(tokenRequest, body));
      return objectAnswer(call, 201, requestToken(operations, target, request), operations.clock);
    }
    default:
      throw ApiError.methodNotAllowed(call.method);
  }
};

const post = async (operations: Operations, call: Call): Promise<Answer> => {
  const { resource, namespace, name } = call.path;
  if (name !== undefined) return createSubresource(operations, call, { resource, namespace, name });
  if (resource.namespaced && namespace === undefined) throw ApiError.methodNotAllowed(call.method);
  if (resource.storage === 'stored') return create(operations, call);
  const body = parseObject(await call.body(), call.headers['content-type']);
  return objectAnswer(
    call,
    201,
    review(operations.identity, resource, namespace, decoded(call, resource, checkKind(resource, body)), call.user),
    operations.clock,
  );
};

/** Answers a request for a resource. Throws ApiError. */
export const route = async (operations: Operations, call: Call): Promise<Answer | StreamAnswer> => {
  const { path, method } = call;
  if (path.resource.storage === 'measured') return readUsage(operations, call);
  if (path.resource.storage === 'review' && method !== 'POST') throw ApiError.methodNotAllowed(method);
  switch (method) {
    case 'GET':
    case 'HEAD':
      return read(operations, call);
    case 'POST':
      return post(operations, call);
    case 'PUT':
      return replace(operations, call);
    case 'PATCH':
      return patch(operations, call);
    case 'DELETE':
      return path.name === undefined ? removeAll(operations, call) : remove(operations, call);
    default:
      throw ApiError.methodNotAllowed(method);
  }
};
