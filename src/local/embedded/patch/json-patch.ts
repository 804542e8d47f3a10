import { applyPatch, type Operation } from 'rfc6902';
import { ApiError, cause } from '../api-error.ts';
import { isObject, type JsonObject } from '../json.ts';

const operationNames = ['add', 'remove', 'replace', 'move', 'copy', 'test'];
/** As kube-apiserver: a longer patch is refused (`MaxJSONPatchOperations`). */
const mostOperations = 10_000;

/**
 * RFC 6902 with kube-apiserver's outcomes: a malformed patch is 400, one that does not fit the object (missing path, failed `test`) is 422,
 * and nothing is changed then. `current` is not modified.
 */
export const applyJsonPatch = (current: JsonObject, body: unknown): JsonObject => {
  const operations = parseOperations(body);
  // The library works in place, and appends or deletes inside shared arrays.
  const document: { root: unknown } = { root: structuredClone(current) };
  for (const operation of operations) {
    const [problem] = applyPatch(document, [underRoot(operation)]);
    if (problem) throw unfit(operation, problem.message);
  }
  if (!isObject(document.root)) throw ApiError.badRequest('the patch does not leave a JSON object');
  return document.root;
};

/** Pointers are moved under one field, so that the whole document ('') can be replaced like any other value. */
const underRoot = (operation: Operation): Operation => {
  const moved = { ...operation, path: `/root${operation.path}` };
  return 'from' in moved ? { ...moved, from: `/root${moved.from}` } : moved;
};

const parseOperations = (body: unknown): Operation[] => {
  if (!Array.isArray(body)) throw ApiError.badRequest('json patch: the body must be a JSON array of operations');
  if (body.length > mostOperations) {
    throw new ApiError({
      code: 413,
      reason: 'RequestEntityTooLarge',
      message: `The allowed maximum operations in a JSON patch is ${String(mostOperations)}, got ${String(body.length)}`,
    });
  }
  return body.map((operation: unknown, index) => {
    const problem = operationProblem(operation);
    if (problem !== undefined) throw ApiError.badRequest(`json patch: operation ${String(index)}: ${problem}`);
    return operation as Operation;
  });
};

const isPointer = (value: unknown): boolean => value === '' || (typeof value === 'string' && value.startsWith('/') && !/~(?![01])/.test(value));

const operationProblem = (operation: unknown): string | undefined => {
  if (!isObject(operation)) return 'must be an object';
  const { op, path, from } = operation;
  if (typeof op !== 'string' || !operationNames.includes(op)) return `op must be one of ${operationNames.join(', ')}; got ${JSON.stringify(op)}`;
  if (!isPointer(path)) return `path must be a JSON pointer such as /spec/replicas; got ${JSON.stringify(path)}`;
  if ((op === 'move' || op === 'copy') && !isPointer(from)) return `from must be a JSON pointer such as /spec/replicas; got ${JSON.stringify(from)}`;
  if ((op === 'add' || op === 'replace' || op === 'test') && !Object.hasOwn(operation, 'value')) return 'value is missing';
  if (String(path).includes('/__proto__')) return 'path must not hold __proto__';
  return undefined;
};

const unfit = (operation: Operation, why: string): ApiError =>
  new ApiError({
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
    details: { causes: [cause.invalid('patch', operation.path, `${operation.op} operation does not apply: ${why}`)] },
  });
