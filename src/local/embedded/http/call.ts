import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { WriteContext } from '../admission/admission.ts';
import { ApiError, cause } from '../api-error.ts';
import type { UserInfo } from '../identity/user.ts';
import type { JsonObject } from '../json.ts';
import { managerName } from '../patch/field-manager.ts';
import { decode } from '../schema/decode.ts';
import type { ResourcePath } from './path.ts';

/** One authenticated request for a resource. */
export interface Call {
  readonly method: string;
  readonly path: ResourcePath;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly user: UserInfo;
  /** The body; throws 413. */
  readonly body: () => Promise<Buffer>;
  /** Become `Warning` headers. */
  readonly warnings: Set<string>;
}

export interface Answer {
  readonly code: number;
  readonly body: string;
  readonly contentType: string;
}

/** An answer that goes on: it owns the response from then on. `signal` aborts when the client is gone or the server closes. */
export interface StreamAnswer {
  readonly stream: (response: ServerResponse, signal: AbortSignal) => Promise<void> | void;
}

/** How this write is to be done, from the query and the headers. Throws 400 or 422 for options that are not legal. */
export const writeContext = ({ method, query, headers, user, warnings }: Call): WriteContext => {
  const dryRun = query.getAll('dryRun');
  if (dryRun.some((value) => value !== 'All')) {
    const options = { group: 'meta.k8s.io', plural: 'options', kind: optionKinds[method] ?? 'UpdateOptions' };
    throw ApiError.invalid(options, '', [cause.unsupported('dryRun', dryRun, ['All'])]);
  }
  const validation = query.get('fieldValidation') ?? '';
  if (!['', 'Ignore', 'Warn', 'Strict'].includes(validation)) {
    throw ApiError.badRequest(`fieldValidation: Unsupported value: ${JSON.stringify(validation)}: supported values: "Ignore", "Strict", "Warn"`);
  }
  return {
    user,
    manager: managerName(query.get('fieldManager') ?? undefined, headers['user-agent']),
    dryRun: dryRun.length > 0,
    options: optionsOf(method, query, dryRun),
    warn: (text) => {
      warnings.add(text);
    },
  };
};

/**
 * A body as its kind has it. What `?fieldValidation=` says of fields that the kind does not know: `Strict` refuses them with 400, `Warn`
 * (the default) warns, `Ignore` drops them silently.
 */
export const decoded = (call: Call, kind: { readonly group: string; readonly version: string; readonly kind: string }, body: JsonObject): JsonObject => {
  const { object, unknownFields } = decode(kind, body);
  if (unknownFields.length === 0) return object;
  const validation = call.query.get('fieldValidation') ?? '';
  const problems = unknownFields.map((field) => `unknown field ${JSON.stringify(field)}`);
  if (validation === 'Strict') {
    throw ApiError.badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: strict decoding error: ${problems.join(', ')}`);
  }
  if (validation !== 'Ignore') for (const problem of problems) call.warnings.add(problem);
  return object;
};

/** An integer of the query; undefined if it is not there. Throws 400 for anything else. */
export const integerOf = (query: URLSearchParams, name: string): number | undefined => {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text)) throw ApiError.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax (${name} must be an integer)`);
  return Number(text);
};

export const flagOf = (query: URLSearchParams, name: string): boolean => {
  const text = query.get(name);
  return text === '' || text === '1' || text?.toLowerCase() === 'true';
};

const optionKinds: Readonly<Record<string, string>> = { POST: 'CreateOptions', PUT: 'UpdateOptions', PATCH: 'UpdateOptions', DELETE: 'DeleteOptions' };

/** What the client said, as admission shows it (a patch is an update there), and only that: a field manager taken from the User-Agent does not show here. */
const optionsOf = (method: string, query: URLSearchParams, dryRun: readonly string[]): JsonObject => {
  const given = (name: string): JsonObject => {
    const text = query.get(name) ?? '';
    return text === '' ? {} : { [name]: text };
  };
  return {
    kind: optionKinds[method] ?? 'UpdateOptions',
    apiVersion: 'meta.k8s.io/v1',
    ...(dryRun.length === 0 ? {} : { dryRun }),
    ...given('fieldManager'),
    ...given('fieldValidation'),
  };
};
