import type { JsonObject } from '../json.ts';
import type { UserInfo } from '../identity/user.ts';
import type { ResourceDefinition } from '../registry.ts';

/** What admission is asked about: one object, or a sub-resource's object such as Scale or Binding, in the version of the request. */
export interface AdmissionAttributes {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly resource: ResourceDefinition;
  /** Empty for the resource itself. */
  readonly subresource: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly namespace: string | undefined;
  /** Empty on a create that leaves the name to the server. */
  readonly name: string;
  /** Undefined on DELETE. */
  readonly object: JsonObject | undefined;
  /** Undefined on CREATE. */
  readonly oldObject: JsonObject | undefined;
  readonly context: WriteContext;
}

/** Who writes, and how. */
export interface WriteContext {
  readonly user: UserInfo;
  /** Field manager in managedFields. */
  readonly manager: string;
  /** Everything but the commit. */
  readonly dryRun: boolean;
  /** The options of the request as admission shows them: CreateOptions, UpdateOptions, PatchOptions or DeleteOptions (meta/v1). */
  readonly options: JsonObject;
  /** Passes a warning to the client. */
  readonly warn: (text: string) => void;
}

/** The admission chain. Both throw ApiError where the write is refused. */
export interface Admission {
  /** The object as webhooks leave it; `complete` gives defaults again after each change. */
  mutate(attributes: AdmissionAttributes, complete: (object: JsonObject) => JsonObject): Promise<JsonObject | undefined>;
  validate(attributes: AdmissionAttributes): Promise<void>;
}

/** How a webhook sees a request: as it came, or in the equivalent version that its rules name. */
export interface Invocation {
  readonly attributes: AdmissionAttributes;
  /** The request as it came, where the webhook sees another version. */
  readonly original: AdmissionAttributes;
}
