import type { Container } from 'kubernetes-types/core/v1.d.ts';

/** What an image stands for here, where none is pulled: a program of this machine, or (`fake`) nothing that runs at all. */
export type Image =
  | {
      readonly kind: 'program';
      /** Where the container says no `command`. */
      readonly entrypoint: readonly string[];
      /** Where the container says neither `command` nor `args`. */
      readonly args?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      readonly workingDir?: string;
      /** Directories that the image brings: path in the container → directory of this machine. Only where containers have files of their own. */
      readonly brings?: Readonly<Record<string, string>>;
    }
  /** Its containers are running and ready at once, and no process is started for them: for very many pods. */
  | { readonly kind: 'fake' };

/** By image name, with or without its tag. */
export type ImageMap = Readonly<Record<string, Image>>;

/** The image of that very name, else of the name without digest and tag. A colon before a slash belongs to the registry's port. */
export const imageOf = (images: ImageMap, name: string): Image | undefined => images[name] ?? images[name.replace(/@[^/]*$/, '').replace(/:[^/:]*$/, '')];

/** The command line as a container runtime puts it together: `command` stands for the image's entrypoint, and then its arguments do not count. Undefined: nothing says what to run. */
export const commandLine = ({ command = [], args }: Container, image: Image | undefined): readonly string[] | undefined => {
  if (command.length > 0) return [...command, ...(args ?? [])];
  if (image?.kind !== 'program') return undefined;
  return [...image.entrypoint, ...(args ?? image.args ?? [])];
};
