import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..', '..', 'docs', 'runbooks');

export interface Runbook {
  readonly alert: string;
  readonly text: string;
  /** What stands in backticks. */
  readonly spans: readonly string[];
}

/** The pages of docs/runbooks, but for their list. */
export const runbooks = async (): Promise<readonly Runbook[]> => {
  const files = (await readdir(folder)).filter((file) => file.startsWith('Rouse'));
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(folder, file), 'utf8');
      return { alert: file.replace('.md', ''), text, spans: [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span) };
    }),
  );
};

export const isCommand = (span: string): boolean => /^(kubectl|rouse) /.test(span);

/** PromQL: whatever asks for a metric of ours. */
export const isQuery = (span: string): boolean => !isCommand(span) && /\b(rouse|process|nodejs)_\w+/.test(span);

/** A command (in a clone) or a query for this workload; `pod` is one of its pods. */
export const filledIn = (span: string, { namespace, name, pod = '' }: { readonly namespace: string; readonly name: string; readonly pod?: string }): string =>
  span.replaceAll('NAMESPACE', namespace).replaceAll('NAME', name).replaceAll('POD', pod).replaceAll('FILE', 'deploy/base/config.yaml');
