import { chmod, chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod, Volume } from 'kubernetes-types/core/v1.d.ts';
import { messageOf, type Clock } from '../../../core/index.ts';
import { KubeletError } from '../errors.ts';
import type { PodRef } from '../kubelet-api.ts';
import { volumeContent, type ContentInput } from './volume-content.ts';
import { writeVolume, type Ownership } from './volume-directory.ts';
import type { VolumeSources } from './volume-sources.ts';

/** The volumes of one pod, as directories of this machine. */
export class PodVolumes {
  readonly #pod: Pod;
  readonly #directory: string;
  readonly #input: ContentInput;
  #filling = Promise.resolve();
  #isClosed = false;

  constructor(pod: Pod, ref: PodRef, directory: string, sources: VolumeSources, clock: Clock) {
    this.#pod = pod;
    this.#directory = directory;
    this.#input = { pod, ref, sources, clock, tokens: new Map() };
  }

  /** Makes them, or brings their files up to date, one call after the other. Rejects with a sentence that names the volume. */
  fill(): Promise<void> {
    const filling = this.#filling.then(() => this.#fillAll());
    this.#filling = filling.catch(() => undefined);
    return filling;
  }

  /** Nothing is written any more once it has resolved. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#filling;
  }

  async #fillAll(): Promise<void> {
    for (const volume of this.#pod.spec?.volumes ?? []) {
      if (this.#isClosed) return;
      try {
        await this.#fillOne(volume);
      } catch (thrown) {
        throw new KubeletError('no-volume', `MountVolume.SetUp failed for volume "${volume.name}" : ${messageOf(thrown)}`, { retryable: true, cause: thrown });
      }
    }
  }

  /** Where the files of a volume are; undefined if the pod has none of that name. */
  pathOf(name: string): string | undefined {
    const volume = this.#pod.spec?.volumes?.find((one) => one.name === name);
    return volume === undefined ? undefined : (volume.hostPath?.path ?? join(this.#directory, name));
  }

  async #fillOne(volume: Volume): Promise<void> {
    if (volume.hostPath !== undefined) return;
    const content = await volumeContent(volume, this.#input);
    if (content === undefined && volume.emptyDir === undefined) throw new KubeletError('no-volume', 'this kubelet does not know its kind', {});
    const path = join(this.#directory, volume.name);
    const isNew = (await mkdir(path, { recursive: true })) !== undefined;
    if (content !== undefined) {
      await writeVolume(path, content, this.#ownership());
      return;
    }
    if (!isNew) return;
    const { fsGroup } = this.#pod.spec?.securityContext ?? {};
    if (fsGroup !== undefined) await chown(path, 0, fsGroup);
    await chmod(path, 0o2777);
  }

  #ownership(): Ownership {
    const { securityContext = {}, containers = [], initContainers = [] } = this.#pod.spec ?? {};
    const users = new Set([...containers, ...initContainers].map((container) => container.securityContext?.runAsUser ?? securityContext.runAsUser));
    return { user: users.size === 1 ? [...users][0] : undefined, fsGroup: securityContext.fsGroup };
  }
}
