import { ApiError } from '../api-error.ts';
import { parseFieldSelector } from '../field-selectors.ts';
import { isObject, numberAt, textAt } from '../json.ts';
import type { ResourceDefinition } from '../registry.ts';
import { parseLabelSelector } from '../selectors.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Stored } from '../store/stored.ts';
import { viewOf } from '../strategy/views.ts';

/** Which objects a list or watch is about. */
export interface Scope {
  readonly resource: ResourceDefinition;
  readonly namespace: string | undefined;
  readonly labelSelector: string;
  readonly fieldSelector: string;
}

export type Selects = (object: Stored) => boolean;

/** The selectors of a scope as one test; selectors speak of the requested version's fields. Throws 400 for what cannot be parsed. */
export const selects = ({ resource, namespace, labelSelector, fieldSelector }: Scope): Selects => {
  const byLabel = labelSelector === '' ? undefined : parseLabelSelector(labelSelector);
  const byField = fieldSelector === '' ? undefined : parseFieldSelector(fieldSelector, resource.fieldSelectors);
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (byLabel === undefined || byLabel(object.metadata.labels)) &&
    (byField === undefined || byField(viewOf(resource, object)));
};

export interface ListRequest extends Scope {
  readonly limit: number;
  readonly continueToken: string;
  /** Undefined: the newest state. */
  readonly exactRevision: number | undefined;
}

export interface ListPage {
  readonly items: readonly Stored[];
  readonly revision: number;
  readonly continueToken: string | undefined;
  readonly remaining: number | undefined;
}

interface Position {
  /** 0: wherever the store is now (the client gave up on consistency). */
  readonly revision: number;
  readonly after: string;
}

const printPosition = (position: Position): string => Buffer.from(JSON.stringify({ v: 1, rv: position.revision, start: position.after })).toString('base64url');

const parsePosition = (token: string): Position => {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    const after = textAt(parsed, 'start');
    if (isObject(parsed) && after !== undefined) return { revision: numberAt(parsed, 'rv') ?? 0, after };
  } catch {
    // Answered below.
  }
  throw ApiError.badRequest('continue key is not valid: it must be one that a list of this server returned');
};

/** NUL sorts before every character of a name, so that the order of these is the order of lists. */
const orderKey = (object: Stored): string => `${object.metadata.namespace ?? ''}\u0000${object.metadata.name}`;

/** One page of a list. Pages after the first show the state of the first, or 410 if it is too long ago. */
export const listPage = (store: ObjectStore, request: ListRequest): ListPage => {
  const position = request.continueToken === '' ? undefined : parsePosition(request.continueToken);
  const asked = position === undefined ? request.exactRevision : position.revision === 0 ? undefined : position.revision;
  const state = asked === undefined || asked === store.revision ? store.list(request.resource, request.namespace) : stateAt(store, request, asked, position);
  const revision = asked ?? store.revision;
  const matches = selects(request);
  const start = position === undefined ? state : state.filter((object) => orderKey(object) > position.after);
  const found = start.filter(matches);
  if (request.limit <= 0 || found.length <= request.limit) return { items: found, revision, continueToken: undefined, remaining: undefined };
  const items = found.slice(0, request.limit);
  const last = items.at(-1);
  const hasSelector = request.labelSelector !== '' || request.fieldSelector !== '';
  return {
    items,
    revision,
    continueToken: last === undefined ? undefined : printPosition({ revision, after: orderKey(last) }),
    remaining: hasSelector ? undefined : found.length - items.length,
  };
};

/** The objects as they were at `revision`: the newest state with the later changes undone. */
const stateAt = (store: ObjectStore, request: ListRequest, revision: number, position: Position | undefined): readonly Stored[] => {
  const changes = store.changesAfter(request.resource, revision);
  if (changes === undefined) {
    if (position === undefined) throw ApiError.expired(`The resourceVersion for the provided list is too old.`);
    throw ApiError.expired(
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
      printPosition({ revision: 0, after: position.after }),
    );
  }
  const objects = new Map(store.list(request.resource).map((object) => [orderKey(object), object]));
  for (const change of changes.toReversed()) {
    if (change.previous === undefined) objects.delete(orderKey(change.object));
    else objects.set(orderKey(change.object), change.previous);
  }
  return [...objects.keys()].sort().flatMap((key) => objects.get(key) ?? []);
};
