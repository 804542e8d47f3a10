import type { IncomingMessage } from 'node:http';
import { parseDocument } from 'yaml';
import { messageOf } from '../../../core/index.ts';
import { ApiError } from '../api-error.ts';
import { isObject, type JsonObject } from '../json.ts';

/** As kube-apiserver's `--max-request-bytes` of 3 MiB. */
export const bodyLimit = 3 * 1024 * 1024;
const deepest = 200;

/** The whole body. Throws 413 beyond the limit, without reading on. */
export const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    size += bytes.length;
    if (size > bodyLimit) throw ApiError.tooLarge(bodyLimit);
    chunks.push(bytes);
  }
  return chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks, size);
};

/** Everything that walks an object does so recursively: depth is bounded at the door. */
const checkDepth = (value: unknown, left: number): void => {
  if (typeof value !== 'object' || value === null) return;
  if (left === 0) throw ApiError.badRequest(`the object is nested deeper than ${String(deepest)} levels`);
  for (const inner of Object.values(value)) checkDepth(inner, left - 1);
};

const checked = (value: unknown): unknown => {
  checkDepth(value, deepest);
  return value;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw ApiError.badRequest(`couldn't get version/kind; json parse error: ${messageOf(error)}`);
  }
};

/** YAML 1.2 without duplicate keys and with few aliases. */
export const parseYaml = (text: string): unknown => {
  const document = parseDocument(text, { uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined) throw ApiError.badRequest(`error converting YAML to JSON: ${problem.message}`);
  try {
    return checked(document.toJS({ maxAliasCount: 100 }));
  } catch (error) {
    throw error instanceof ApiError ? error : ApiError.badRequest(`error converting YAML to JSON: ${messageOf(error)}`);
  }
};

const protobufHelp =
  'this API server does not take protobuf bodies, which plain "kubectl create KIND" sends: use "kubectl create … --dry-run=client -o yaml | kubectl apply -f -" instead';

const typeOf = (contentType: string | undefined): string => (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** The value of a JSON or YAML body; no Content-Type means JSON (kubectl sends none when it replaces a Scale). */
export const parseBody = (bytes: Buffer, contentType: string | undefined): unknown => {
  const text = bytes.toString('utf8');
  switch (typeOf(contentType)) {
    case '':
    case 'application/json':
      return checked(parseJson(text));
    case 'application/yaml':
      return parseYaml(text);
    case 'application/vnd.kubernetes.protobuf':
      throw ApiError.unsupportedMediaType(protobufHelp);
    default:
      throw ApiError.unsupportedMediaType(
        'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
      );
  }
};

/** As `parseBody`, of an object. Throws 400 for anything else. */
export const parseObject = (bytes: Buffer, contentType: string | undefined): JsonObject => {
  const value = parseBody(bytes, contentType);
  if (!isObject(value)) throw ApiError.badRequest("the object provided is unrecognized (must be of type object): couldn't get version/kind");
  return value;
};
