import type { TestLocal } from './local.ts';

/** The lines of `/metrics` that are about one workload. */
export const seriesOf = async ({ local }: TestLocal, workload: string, namespace = 'default'): Promise<readonly string[]> => {
  const answer = await fetch(`http://127.0.0.1:${local.metricsPort}/metrics`);
  const text = await answer.text();
  return text.split('\n').filter((line) => line.includes(`namespace="${namespace}"`) && line.includes(`workload="${workload}"`));
};
