import { controllerApi } from '../../core/index.ts';
import { CommandError } from '../exit-code.ts';
import type { ControllerAnswer, FoundController } from './find-controller.ts';

/** What the controller says is wrong, in words. */
export const problemIn = (body: string): string => {
  try {
    const { detail } = JSON.parse(body) as { readonly detail?: unknown };
    if (typeof detail === 'string') return detail;
  } catch {
    // A problem for people is plain text.
  }
  return body.trim();
};

/** The document at `path`. Throws a `CommandError` where there is none, or where the controller is older than what is asked for. */
export const readDocument = async <T>(controller: FoundController, path: string): Promise<T & { readonly answered: ControllerAnswer }> => {
  const answered = await controller.get(path, 'application/json');
  if (answered.apiVersion === undefined)
    throw new CommandError(
      'failure',
      `the controller is older than this command: its API has no version yet, and ${String(controllerApi.version)} is asked for`,
    );
  if (answered.status !== 200) throw new CommandError('failure', problemIn(answered.body));
  return { ...(JSON.parse(answered.body) as T), answered };
};
