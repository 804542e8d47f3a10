import { messageOf, type Clock, type Logger, type Random } from '../../../core/index.ts';
import { ApiError } from '../api-error.ts';
import { equal, type JsonObject } from '../json.ts';
import { decode } from '../schema/decode.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { newUid } from '../strategy/metadata.ts';
import type { Admission, AdmissionAttributes, Invocation } from './admission.ts';
import { WebhookCaller } from './call.ts';
import { match } from './match.ts';
import { patched, readVerdict, reviewOf, type Verdict } from './review.ts';
import { callTarget } from './service-target.ts';
import { mutatingWebhooks, validatingWebhooks, type Webhook } from './webhook.ts';
import { storedForm, viewOf } from '../strategy/views.ts';

export interface WebhookAdmissionParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Webhook configurations are never sent to webhooks: a broken one could not be mended otherwise. */
const isExempt = ({ resource }: AdmissionAttributes): boolean => resource.group === 'admissionregistration.k8s.io';

/** Calls the registered webhooks over HTTPS, as kube-apiserver does (apiserver `pkg/admission/plugin/webhook`). */
export class WebhookAdmission implements Admission {
  readonly #parts: WebhookAdmissionParts;
  readonly #caller: WebhookCaller;

  constructor(parts: WebhookAdmissionParts) {
    this.#parts = parts;
    this.#caller = new WebhookCaller(parts.clock);
  }

  /**
   * One after the other. When a webhook changes the object, those called before it that ask for it (`reinvocationPolicy: IfNeeded`) are
   * called once more at the end; no webhook is called there for the first time.
   */
  async mutate(attributes: AdmissionAttributes, complete: (object: JsonObject) => JsonObject): Promise<JsonObject | undefined> {
    if (isExempt(attributes)) return attributes.object;
    const webhooks = mutatingWebhooks(this.#parts.store);
    const called: Webhook[] = [];
    const again = new Set<Webhook>();
    let { object } = attributes;
    const pass = async (round: readonly Webhook[]): Promise<void> => {
      for (const webhook of round) {
        const answered = await this.#ask(webhook, { ...attributes, object }, true);
        if (answered === undefined) continue;
        const next = answered.object === undefined ? object : complete(answered.object);
        if (!equal(next, object)) for (const earlier of called) again.add(earlier);
        object = next;
        if (webhook.isReinvoked) called.push(webhook);
      }
    };
    await pass(webhooks);
    const second = webhooks.filter((webhook) => again.has(webhook));
    if (second.length > 0) await pass(second);
    return object;
  }

  /** All at once; the first refusal in their order counts. */
  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (isExempt(attributes)) return;
    const webhooks = validatingWebhooks(this.#parts.store);
    if (webhooks.length === 0) return;
    const outcomes = await Promise.allSettled(webhooks.map((webhook) => this.#ask(webhook, attributes, false)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  close(): void {
    this.#caller.close();
  }

  /** Undefined: not concerned, or failed and may be ignored. Throws the refusal, or 500 where a failure may not be ignored. */
  async #ask(webhook: Webhook, attributes: AdmissionAttributes, mutating: boolean): Promise<Answered | undefined> {
    const answered = await this.#answer(webhook, attributes, mutating);
    if (answered?.refusal !== undefined) throw answered.refusal;
    return answered;
  }

  async #answer(webhook: Webhook, attributes: AdmissionAttributes, mutating: boolean): Promise<Answered | undefined> {
    try {
      const invocation = match(this.#parts.store, webhook, attributes);
      if (invocation === undefined) return undefined;
      const { refusal, patch, warnings } = await this.#call(webhook, invocation, mutating);
      for (const warning of warnings) attributes.context.warn(warning);
      return {
        refusal,
        object: patch === undefined ? undefined : asRequested(invocation, typedObject(invocation, patched(invocation.attributes.object, patch))),
      };
    } catch (error) {
      const message = `failed calling webhook ${JSON.stringify(webhook.name)}: ${messageOf(error)}`;
      if (webhook.failsClosed) throw ApiError.internal(message);
      this.#parts.logger.warn('a webhook failed and is ignored, as its failurePolicy says', { webhook: webhook.name, error: message });
      return undefined;
    }
  }

  async #call(webhook: Webhook, invocation: Invocation, mutating: boolean): Promise<Verdict> {
    const uid = newUid(this.#parts.random);
    const target = callTarget(this.#parts.store, webhook);
    const answer = await this.#caller.post(target, JSON.stringify(reviewOf(invocation, uid)), webhook.timeoutSeconds);
    return readVerdict(answer, webhook.name, uid, mutating);
  }
}

interface Answered {
  readonly refusal: ApiError | undefined;
  /** The changed object in the version of the request. */
  readonly object: JsonObject | undefined;
}

/** What a webhook leaves is read into the type of its kind, as a request's body is. */
const typedObject = ({ attributes }: Invocation, object: JsonObject): JsonObject => decode(attributes.kind, object).object;

const asRequested = ({ attributes, original }: Invocation, object: JsonObject): JsonObject =>
  attributes === original ? object : viewOf(original.resource, storedForm(attributes.resource, object));
