import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A request as the API server's audit log has it. */
export interface AuditedRequest {
  /** When the API server received it, milliseconds since 1970. */
  readonly at: number;
  readonly user: string;
  readonly verb: string;
  /** With its sub-resource: `deployments/scale`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

const controller = 'system:serviceaccount:rouse-system:rouse-controller';

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly requestReceivedTimestamp: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string; readonly namespace?: string; readonly name?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

const parsed = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

/** The events of the audit log of the cluster in `directory` so far whose line has `text` in it. The last line may be half written still: then it is none yet. */
export async function* auditEvents<Event>(directory: string, text: string): AsyncGenerator<Event> {
  let broken: string | undefined;
  for await (const line of createInterface({ input: createReadStream(join(directory, 'audit.log')) })) {
    if (broken !== undefined) throw new Error(`the audit log has a line that is no event: ${broken}`);
    if (!line.includes(text)) continue;
    const event = parsed(line);
    if (event === undefined) broken = line;
    else yield event as Event;
  }
}

/** What the audit log of the cluster in `directory` has since `from` of requests whose line has `text` in it and that are `wanted`; watches that go on are left out. */
const auditedRequests = async (directory: string, from: number, text: string, wanted: (event: AuditEvent) => boolean): Promise<readonly AuditedRequest[]> => {
  const found: AuditedRequest[] = [];
  for await (const event of auditEvents<AuditEvent>(directory, text)) {
    const { stage, verb, user, requestReceivedTimestamp, objectRef } = event;
    const at = Date.parse(requestReceivedTimestamp);
    if (at < from || stage === 'ResponseStarted' || !wanted(event)) continue;
    const { resource = '', subresource, namespace = '', name = '' } = objectRef ?? {};
    found.push({ at, user: user.username, verb, resource: subresource === undefined ? resource : `${resource}/${subresource}`, namespace, name });
  }
  return found;
};

/** What the controllers have asked of the API server. */
export const controllerRequests = (directory: string, from: number): Promise<readonly AuditedRequest[]> =>
  auditedRequests(directory, from, `"username":"${controller}"`, ({ user }) => user.username === controller);

/** What the API server has shown to a mutating webhook; one that was shown more than once, since it met a conflict, is in it once. */
export const requestsShownTo = (webhook: string, directory: string, from: number): Promise<readonly AuditedRequest[]> =>
  auditedRequests(directory, from, webhook, ({ annotations = {} }) =>
    Object.entries(annotations).some(([key, value]) => key.startsWith('mutation.webhook.admission.k8s.io/round_') && value.includes(`"webhook":"${webhook}"`)),
  );
