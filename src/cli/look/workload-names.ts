import type { WorkloadSummary } from '../../api/index.ts';
import type { ListingFlags } from '../flags.ts';
import { readDocument } from './controller-answer.ts';
import { findController } from './find-controller.ts';

/** What is onboarded in the namespace that is meant. Throws a `CommandError` where no controller can be asked. */
export const workloadNames = async (flags: ListingFlags, environment: Readonly<Record<string, string | undefined>>): Promise<readonly string[]> => {
  const controller = await findController(flags, environment, () => undefined);
  try {
    const namespace = flags.namespace ?? controller.namespace ?? 'default';
    const { workloads } = await readDocument<{ readonly workloads: readonly WorkloadSummary[] }>(
      controller,
      `/workloads?namespace=${encodeURIComponent(namespace)}`,
    );
    return workloads.map(({ name }) => name);
  } finally {
    controller.close();
  }
};
