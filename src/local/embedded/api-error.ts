/** One problem of an object, as `details.causes` of a Status lists it. `field` is a path such as `spec.ports[0].port`. */
export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

/** A Kubernetes Status object (meta/v1) that says why a request failed. */
export interface FailureStatus {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string };
  readonly status: 'Failure';
  readonly message: string;
  readonly reason: string;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly causes?: readonly StatusCause[];
    readonly retryAfterSeconds?: number;
  };
  readonly code: number;
}

interface Failure {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: FailureStatus['details'];
  /** Only for 410: where a client may go on with a list that is no longer consistent. */
  readonly continueToken?: string;
}

/** What an error needs to name the object: the registry's resources fit. */
interface Named {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

const qualified = (resource: Named): string => (resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`);

const detailsOf = (resource: Named, name: string): { name?: string; group?: string; kind: string } => ({
  ...(name === '' ? {} : { name }),
  ...(resource.group === '' ? {} : { group: resource.group }),
  kind: resource.plural,
});

/** A failed API request. `status` is what goes over the wire; reasons and messages are those of kube-apiserver (apimachinery `api/errors`). */
export class ApiError extends Error {
  readonly status: FailureStatus;

  constructor(failure: Failure) {
    super(failure.message);
    this.name = 'ApiError';
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: failure.continueToken === undefined ? {} : { continue: failure.continueToken },
      status: 'Failure',
      message: failure.message,
      reason: failure.reason,
      ...(failure.details === undefined ? {} : { details: failure.details }),
      code: failure.code,
    };
  }

  get code(): number {
    return this.status.code;
  }

  get reason(): string {
    return this.status.reason;
  }

  static notFound(resource: Named, name: string): ApiError {
    return new ApiError({ code: 404, reason: 'NotFound', message: `${qualified(resource)} "${name}" not found`, details: detailsOf(resource, name) });
  }

  /** No such path. */
  static unknownPath(): ApiError {
    return new ApiError({ code: 404, reason: 'NotFound', message: 'the server could not find the requested resource', details: {} });
  }

  static alreadyExists(resource: Named, name: string): ApiError {
    return new ApiError({ code: 409, reason: 'AlreadyExists', message: `${qualified(resource)} "${name}" already exists`, details: detailsOf(resource, name) });
  }

  static conflict(resource: Named, name: string, why = stale): ApiError {
    const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
    return new ApiError({ code: 409, reason: 'Conflict', message, details: detailsOf(resource, name) });
  }

  /** Server-side apply met fields of other managers: one cause (`FieldManagerConflict`) a field. */
  static applyConflict(causes: readonly StatusCause[], message: string): ApiError {
    return new ApiError({ code: 409, reason: 'Conflict', message, details: { causes } });
  }

  /** 422: the object is understood but not legal. All problems at once. */
  static invalid(resource: Named, name: string, causes: readonly StatusCause[]): ApiError {
    const problems = causes.map((cause) => (cause.field === undefined ? cause.message : `${cause.field}: ${cause.message}`));
    const listed = problems.length === 1 ? (problems[0] ?? '') : `[${problems.join(', ')}]`;
    const kind = resource.group === '' ? resource.kind : `${resource.kind}.${resource.group}`;
    return new ApiError({
      code: 422,
      reason: 'Invalid',
      message: `${kind} "${name}" is invalid: ${listed}`,
      details: { ...detailsOf(resource, name), kind: resource.kind, causes },
    });
  }

  static badRequest(message: string): ApiError {
    return new ApiError({ code: 400, reason: 'BadRequest', message });
  }

  static unauthorized(): ApiError {
    return new ApiError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
  }

  static forbidden(resource: Named, name: string, why: string): ApiError {
    return new ApiError({
      code: 403,
      reason: 'Forbidden',
      message: `${qualified(resource)} "${name}" is forbidden: ${why}`,
      details: detailsOf(resource, name),
    });
  }

  /** 403: a namespace that is being deleted takes in nothing new. */
  static namespaceTerminating(resource: Named, name: string, namespace: string): ApiError {
    const message = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const causes = [{ reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' }];
    return new ApiError({
      code: 403,
      reason: 'Forbidden',
      message: `${qualified(resource)} "${name}" is forbidden: ${message}`,
      details: { ...detailsOf(resource, name), causes },
    });
  }

  static methodNotAllowed(method: string): ApiError {
    return new ApiError({ code: 405, reason: 'MethodNotAllowed', message: `the server does not allow ${method} on the requested resource`, details: {} });
  }

  /** 410: the resource version, or the continue token, is older than the history that is kept. */
  static expired(message: string, continueToken?: string): ApiError {
    return new ApiError({ code: 410, reason: 'Expired', message, ...(continueToken === undefined ? {} : { continueToken }) });
  }

  static tooLarge(limit: number): ApiError {
    return new ApiError({ code: 413, reason: 'RequestEntityTooLarge', message: `limit is ${String(limit)} bytes` });
  }

  static unsupportedMediaType(message: string): ApiError {
    return new ApiError({ code: 415, reason: 'UnsupportedMediaType', message });
  }

  static tooManyRequests(message: string, retryAfterSeconds: number, causes: readonly StatusCause[] = []): ApiError {
    return new ApiError({ code: 429, reason: 'TooManyRequests', message, details: { causes, retryAfterSeconds } });
  }

  static internal(message: string): ApiError {
    return new ApiError({ code: 500, reason: 'InternalError', message: `Internal error occurred: ${message}`, details: { causes: [{ reason: '', message }] } });
  }

  static timeout(message: string, retryAfterSeconds: number, causes: readonly StatusCause[] = []): ApiError {
    return new ApiError({ code: 504, reason: 'Timeout', message, details: { causes, retryAfterSeconds } });
  }
}

const stale = 'the object has been modified; please apply your changes to the latest version and try again';

const quoted = (value: unknown): string => (value === undefined ? 'null' : JSON.stringify(value));

/** Causes as `field.Error` of apimachinery words them. */
export const cause = {
  required: (field: string, detail = ''): StatusCause => ({
    reason: 'FieldValueRequired',
    message: detail === '' ? 'Required value' : `Required value: ${detail}`,
    field,
  }),
  invalid: (field: string, value: unknown, detail: string): StatusCause => ({
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${quoted(value)}: ${detail}`,
    field,
  }),
  duplicate: (field: string, value: unknown): StatusCause => ({ reason: 'FieldValueDuplicate', message: `Duplicate value: ${quoted(value)}`, field }),
  forbidden: (field: string, detail: string): StatusCause => ({ reason: 'FieldValueForbidden', message: `Forbidden: ${detail}`, field }),
  unsupported: (field: string, value: unknown, legal: readonly string[]): StatusCause => ({
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${quoted(value)}: supported values: ${legal.map(quoted).join(', ')}`,
    field,
  }),
  tooLong: (field: string, limit: number): StatusCause => ({
    reason: 'FieldValueTooLong',
    message: `Too long: may not be more than ${String(limit)} bytes`,
    field,
  }),
};
