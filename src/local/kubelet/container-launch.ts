import type { Container } from 'kubernetes-types/core/v1.d.ts';
import { failed, ok, type Result } from '../../core/index.ts';
import { expand } from './expansion.ts';
import { commandLine, type Image } from './images.ts';

/** What a container's process is started with, as the container says it. */
export interface ContainerLaunch {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface LaunchProblem {
  /** As it stands in the container's waiting state. */
  readonly reason: 'CreateContainerConfigError' | 'ImagePullBackOff';
  readonly message: string;
}

export interface LaunchInput {
  readonly container: Container;
  readonly image: Image | undefined;
  /** Directory of containers that name none. */
  readonly cwd: string;
  readonly environment: () => Promise<Result<Readonly<Record<string, string>>, string>>;
}

export const launchOf = async ({ container, image, cwd, environment }: LaunchInput): Promise<Result<ContainerLaunch, LaunchProblem>> => {
  if (image?.kind === 'fake') return ok({ argv: [], env: {}, cwd });
  const line = commandLine(container, image);
  if (line === undefined) {
    const message = `local mode runs a container's command, image "${container.image ?? ''}" is not pulled: give container "${container.name}" a command`;
    return failed({ reason: 'ImagePullBackOff', message });
  }
  const env = await environment();
  if (!env.ok) return failed({ reason: 'CreateContainerConfigError', message: env.problem });
  return ok({ argv: line.map((part) => expand(part, env.value)), env: env.value, cwd: container.workingDir ?? image?.workingDir ?? cwd });
};

/** Nothing of a container that is not run can be probed. */
export const withoutProbes = ({
  readinessProbe: _readiness,
  livenessProbe: _liveness,
  startupProbe: _startup,
  lifecycle: _lifecycle,
  ...rest
}: Container): Container => rest;
