import type { ServerResponse } from 'node:http';
import { decisionReasons, seconds, type Clock, type Timer } from '../../core/index.ts';
import type { Allowance } from '../allowance.ts';
import { notOnboarded } from '../not-onboarded.ts';
import { inOrder, named, pageOf, type ListView, type StoryView } from './list.ts';
import type { ListMessage, Row, StoryMessage } from './messages.ts';
import type { LiveEvent, LiveReader, LiveWorkload } from './ports.ts';
import { Recent } from './recent.ts';
import { seriesOf, sparkOf } from './series.ts';

/** As the scaler's tick. */
const beat = seconds(2);
/** Pages that are open at once: each costs a look at all workloads with every beat. */
const mostStreams = 64;
/** After which the page asks again, and has to be let in again. */
const longestMs = 10 * 60_000;
/** A reader who lets that much pile up is let go: it comes back for what is then. */
const mostUnread = 1 << 20;
/** Of a workload's history and of what happened, with a page that opens. */
const mostLines = 50;

interface Stream {
  readonly view: ListView | StoryView;
  readonly response: ServerResponse;
  readonly until: number;
}

const isStory = (view: ListView | StoryView): view is StoryView => 'name' in view;

/**
 * The open pages. Each gets what it shows with every beat, whole, and transitions as they happen, by Server-Sent Events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). Without an open page nothing is done but to keep the last transitions.
 */
export class Streams {
  readonly #reader: LiveReader;
  readonly #clock: Clock;
  readonly #allowance: Allowance;
  readonly #recent = new Recent();
  readonly #open = new Set<Stream>();
  #timer: Timer | undefined;

  constructor(reader: LiveReader, clock: Clock, allowance: Allowance) {
    this.#reader = reader;
    this.#clock = clock;
    this.#allowance = allowance;
    reader.onEvent((event) => {
      this.#recent.add(event);
      for (const stream of this.#open) if (concerns(stream, event)) this.#send(stream, 'happened', [event]);
    });
  }

  get isFull(): boolean {
    return this.#open.size >= mostStreams;
  }

  open(view: ListView | StoryView, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    const stream = { view, response, until: this.#clock.monotonic() + longestMs };
    this.#open.add(stream);
    response.on('close', () => this.#close(stream));
    this.#send(stream, 'happened', this.#recent.events(isStory(view) ? view : undefined).slice(-mostLines));
    this.#show([stream]);
    this.#timer ??= this.#clock.every(beat, () => this.#show([...this.#open]));
  }

  #close(stream: Stream): void {
    this.#open.delete(stream);
    if (this.#open.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** To each what it shows, as far as this process has time for it; a page that hears nothing new still hears that we are there. */
  #show(streams: readonly Stream[]): void {
    let sorted: readonly LiveWorkload[] | undefined;
    for (const stream of streams) {
      const began = this.#clock.monotonic();
      if (began >= stream.until) stream.response.end();
      else if (!this.#allowance.allows(began) || stream.response.writableNeedDrain) this.#write(stream, ': busy\n\n');
      else {
        sorted ??= inOrder(this.#reader.workloads());
        if (isStory(stream.view)) this.#send(stream, 'story', this.#story(sorted, stream.view));
        else this.#send(stream, 'list', this.#list(sorted, stream.view));
        this.#allowance.spent(this.#clock.monotonic() - began);
      }
    }
  }

  #list(sorted: readonly LiveWorkload[], view: ListView): ListMessage {
    const now = this.#clock.now();
    const { workloads, ...page } = pageOf(sorted, view);
    const rows = workloads.map((workload) => ({ ...row(workload), spark: sparkOf(this.#reader.ticks(workload.key), now) }));
    return { now, leads: this.#reader.leads(), ...page, rows };
  }

  #story(sorted: readonly LiveWorkload[], view: StoryView): StoryMessage {
    const now = this.#clock.now();
    const base = { now, leads: this.#reader.leads() };
    const workload = named(sorted, view);
    if (workload === undefined) return { ...base, problem: notOnboarded(view.namespace, view.name, sorted) };
    const history = this.#reader.history(workload.key).slice(-mostLines);
    return {
      ...base,
      workload: row(workload),
      series: seriesOf(this.#reader.ticks(workload.key), now),
      history: history.map((line) => ({ ...line, why: decisionReasons[line.reason] })),
      coldStarts: this.#recent.coldStarts(view),
    };
  }

  #send(stream: Stream, event: string, data: unknown): void {
    this.#write(stream, `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #write({ response }: Stream, text: string): void {
    if (response.writableLength > mostUnread) response.destroy();
    else response.write(text);
  }
}

const row = ({ key: _, ...workload }: LiveWorkload): Row => ({ ...workload, why: decisionReasons[workload.reason] });

const concerns = ({ view }: Stream, event: LiveEvent): boolean => !isStory(view) || (view.namespace === event.namespace && view.name === event.name);
