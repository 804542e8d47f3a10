/** Whether the part of a name before its first `/` is a registry (distribution/reference, `splitDockerDomain` in normalize.go). */
const isRegistry = (part: string): boolean => /[.:A-Z]/.test(part) || part === 'localhost';

/**
 * One name for what an image is called: a pod says `nginx`, the node that has it `docker.io/library/nginx:latest`. With a digest the tag says nothing and
 * nodes list it without.
 */
export const imageName = (name: string): string => {
  const slash = name.indexOf('/');
  const registry = slash === -1 ? '' : name.slice(0, slash);
  const full = isRegistry(registry) ? name.replace(/^index\.docker\.io\//, 'docker.io/') : `docker.io/${slash === -1 ? 'library/' : ''}${name}`;
  const digest = full.indexOf('@');
  const tagged = digest === -1 ? full : full.slice(0, digest);
  const colon = tagged.lastIndexOf(':');
  const hasTag = colon > tagged.lastIndexOf('/');
  if (digest !== -1) return `${hasTag ? tagged.slice(0, colon) : tagged}${full.slice(digest)}`;
  return hasTag ? full : `${full}:latest`;
};
