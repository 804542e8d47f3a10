import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A request as the API server's audit log has it. */
export interface AuditedRequest {
  /** When the API server received it, milliseconds since 1970. */
  readonly at: number;
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
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string; readonly namespace?: string; readonly name?: string };
}

/** What the controllers have asked of the API server of the cluster in `directory` since `from`; watches that go on are left out. */
export const controllerRequests = async (directory: string, from: number): Promise<readonly AuditedRequest[]> => {
  const found: AuditedRequest[] = [];
  for await (const line of createInterface({ input: createReadStream(join(directory, 'audit.log')) })) {
    if (!line.includes(`"username":"${controller}"`)) continue;
    const { stage, verb, requestReceivedTimestamp, objectRef } = JSON.parse(line) as AuditEvent;
    const at = Date.parse(requestReceivedTimestamp);
    if (at < from || stage === 'ResponseStarted') continue;
    const { resource = '', subresource, namespace = '', name = '' } = objectRef ?? {};
    found.push({ at, verb, resource: subresource === undefined ? resource : `${resource}/${subresource}`, namespace, name });
  }
  return found;
};
