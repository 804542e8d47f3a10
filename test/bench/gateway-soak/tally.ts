import { Cut, Wrong, type AnswerHead } from './http-connection.ts';

export const kinds = [
  'GET, kept connection',
  'GET, new connection',
  'POST with a length',
  'POST in chunks',
  '1 MB download',
  'event stream',
  'WebSocket',
  'pipelined pair',
  'left in the request',
  'left while waiting',
  'left in the answer',
  'GET, HTTP/2',
  'POST, HTTP/2',
  '1 MB download, HTTP/2',
  'left in the answer, HTTP/2',
  'TCP connection',
] as const;
export type Kind = (typeof kinds)[number];

/** What did not go well, for whoever knows what became of the pods. Times are of `Date.now`. */
export interface Failure {
  readonly kind: Kind;
  readonly id: string;
  readonly method: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Whose answer had begun. */
  readonly pod: string | undefined;
  /** Of the gateway's own answer. */
  readonly code: string | undefined;
  readonly problem: string;
  readonly wrong: boolean;
}

export interface Counts {
  asked: number;
  ok: number;
  aborted: number;
}

/** What the clients have seen by the end. */
export interface Seen {
  readonly counts: Readonly<Record<string, Counts>>;
  /** Requests that the gateway has certainly had, and those that it may have had. */
  readonly reached: number;
  readonly maybe: number;
  /** How many answers began with which status. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** An exchange that the client left on purpose. */
export const leftTimes = 'left';

/** The gateway answered by itself. */
class Refused extends Error {
  readonly code: string;

  constructor(status: number, code: string) {
    super(`${status} ${code}`);
    this.code = code;
  }
}

/** Where an answer comes from. */
export interface AnswerSource {
  head(): Promise<AnswerHead>;
  /** Of the whole body. */
  text(head: AnswerHead): Promise<string>;
  close(): void;
}

/** One request. */
export class Attempt {
  readonly kind: Kind;
  readonly id: string;
  readonly method: string;
  readonly startedAt = Date.now();
  /** The kernel has its head. */
  sent = false;
  /** Nothing went over the connection before it: the gateway reads it, whatever happens. */
  alone = true;
  status: number | undefined;
  pod: string | undefined;

  constructor(kind: Kind, id: string, method: string) {
    this.kind = kind;
    this.id = id;
    this.method = method;
  }

  /** Reads the head of its answer, and throws unless that is a pod's to this very request. */
  async answer(connection: AnswerSource, status = 200): Promise<AnswerHead> {
    const head = await connection.head();
    this.status = head.status;
    const pod = head.fields.get('x-pod');
    if (pod === undefined && head.fields.get('content-type') === 'application/problem+json') {
      const { code } = JSON.parse(await connection.text(head)) as { readonly code: string };
      if (head.fields.get('connection') === 'close') connection.close();
      throw new Refused(head.status, code);
    }
    if (head.status !== status) throw new Wrong(`status ${head.status}`);
    if (pod === undefined || head.fields.get('x-request-id') !== this.id)
      throw new Wrong(`an answer of ${String(pod)} to ${String(head.fields.get('x-request-id'))}`);
    this.pod = pod;
    return head;
  }
}

/** What became of the requests. */
export class Tally {
  readonly #fail: (failure: Failure) => void;
  readonly #counts = Object.fromEntries(kinds.map((kind): [Kind, Counts] => [kind, { asked: 0, ok: 0, aborted: 0 }])) as Record<Kind, Counts>;
  readonly #statuses: Record<string, number> = {};
  #reached = 0;
  #maybe = 0;

  constructor(fail: (failure: Failure) => void) {
    this.#fail = fail;
  }

  get seen(): Seen {
    return { counts: this.#counts, reached: this.#reached, maybe: this.#maybe, statuses: this.#statuses };
  }

  ok(attempt: Attempt): void {
    this.#over(attempt).ok += 1;
  }

  aborted(attempt: Attempt): void {
    this.#over(attempt).aborted += 1;
  }

  /** `error`: what the exchange threw. `behind`: whose answer was ahead of its own, over the same connection, and took it along where that was cut. */
  failed(attempt: Attempt, error: unknown, behind?: string): void {
    if (!(error instanceof Cut || error instanceof Wrong || error instanceof Refused)) throw error;
    this.#over(attempt);
    const { kind, id, method, startedAt, pod } = attempt;
    this.#fail({
      kind,
      id,
      method,
      startedAt,
      endedAt: Date.now(),
      pod: pod ?? (error instanceof Cut ? behind : undefined),
      code: error instanceof Refused ? error.code : undefined,
      problem: error.message,
      wrong: error instanceof Wrong,
    });
  }

  #over({ kind, sent, alone, status }: Attempt): Counts {
    const counts = this.#counts[kind];
    counts.asked += 1;
    if (status !== undefined || (sent && alone)) this.#reached += 1;
    else if (sent) this.#maybe += 1;
    if (status !== undefined) this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    return counts;
  }
}
