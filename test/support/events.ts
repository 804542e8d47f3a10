import type { TestLocal } from './local.ts';

/** A Kubernetes Event, as `kubectl describe` shows it. */
export interface ShownEvent {
  readonly reason: string;
  readonly type: string;
  readonly message: string;
  readonly count?: number;
}

/** The Events about the object with this uid, as the API has them. */
export const eventsAbout = async ({ api }: TestLocal, uid: string, namespace = 'default'): Promise<readonly ShownEvent[]> => {
  const { body } = await api('GET', `/api/v1/namespaces/${namespace}/events?fieldSelector=${encodeURIComponent(`involvedObject.uid=${uid}`)}`);
  return body['items'] as readonly ShownEvent[];
};
