import { failed, ok, type Result } from '../core/index.ts';
import type { Outcome, Selection } from './client.ts';
import { unavailable, type Refusal } from './outcome.ts';
import { collectionPath, selectionQuery, withQuery } from './paths.ts';
import { at, text } from './reader.ts';
import type { KubeObject, Resource } from './resource.ts';
import type { Transport } from './transport.ts';

/** The whole of a list at one resourceVersion. */
export interface WholeList<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

/** What client-go's pager asks for at a time. */
const pageSize = '500';

/** Lists everything, page by page, keeping of each object only what `keep` makes of it (undefined: nothing). */
export const listMapped = async <Kept>(
  send: Transport,
  resource: Resource,
  selection: Selection,
  keep: (raw: KubeObject) => Kept | undefined,
  signal?: AbortSignal,
): Promise<Result<WholeList<Kept>, Refusal>> => {
  const path = collectionPath(resource, selection.namespace);
  const query = selectionQuery(selection);
  let kept: Kept[] = [];
  let page: Record<string, string> = { limit: pageSize };
  for (;;) {
    const answer = await send({ method: 'GET', path: withQuery(path, { ...query, ...page }), signal });
    if (!answer.ok) {
      // The token outlived the history of the server: take all in one piece, as client-go's pager does.
      if (answer.problem.status !== 410 || page['continue'] === undefined) return answer;
      kept = [];
      page = {};
      continue;
    }
    const list = at(answer.value, 'items') ?? [];
    const resourceVersion = text(at(answer.value, 'metadata', 'resourceVersion'));
    if (!Array.isArray(list) || resourceVersion === undefined) return failed(unavailable(`GET ${path}: the answer is no list`));
    for (const raw of list as readonly KubeObject[]) {
      const value = keep(raw);
      if (value !== undefined) kept.push(value);
    }
    const next = text(at(answer.value, 'metadata', 'continue'));
    if (!next) return ok({ items: kept, resourceVersion });
    page = { limit: pageSize, continue: next };
  }
};

export const listAll = <T extends KubeObject>(send: Transport, resource: Resource<T>, selection: Selection, signal?: AbortSignal): Outcome<WholeList<T>> =>
  listMapped(send, resource, selection, (raw) => raw as T, signal);
