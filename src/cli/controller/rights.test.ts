import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { placementRights, rights, type Right } from './rights.ts';

interface Role {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules?: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
}

const deploy = join(import.meta.dirname, '..', '..', '..', 'deploy');
const rolesIn = async (...folder: readonly string[]): Promise<readonly Role[]> =>
  parseAllDocuments(await readFile(join(deploy, ...folder, 'controller-roles.yaml'), 'utf8')).map((document) => document.toJS() as Role);

const granted = (roles: readonly Role[], kind: string, name: string): readonly string[] =>
  (roles.find((role) => role.kind === kind && role.metadata.name === name)?.rules ?? [])
    .flatMap(({ apiGroups, resources, verbs, resourceNames = [undefined] }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.flatMap((verb) => resourceNames.map((only) => line({ verb, group, resource, name: only })))),
      ),
    )
    .sort();

const line = ({ verb, group, resource, name }: Right): string => `${verb} ${resource}.${group} ${name ?? '*'}`;
const lines = (wanted: readonly Right[]): readonly string[] => wanted.map(line).sort();

test('the roles of deploy/ grant exactly the rights that the controller asks for', async (t) => {
  const roles = await rolesIn('base');
  t.deepEqual(granted(roles, 'ClusterRole', 'rouse-controller'), lines(rights.cluster));
  t.deepEqual(granted(roles, 'ClusterRole', 'rouse-workloads'), lines(rights.workloads));
  t.deepEqual(granted(roles, 'Role', 'rouse-controller'), lines(rights.system));
});

test('those of a controller that places pods grant exactly what it asks for besides', async (t) => {
  const roles = await rolesIn('components', 'placement');
  t.deepEqual(granted(roles, 'ClusterRole', 'rouse-placement'), lines(placementRights.cluster));
  t.deepEqual(granted(roles, 'Role', 'rouse-placement'), lines(placementRights.system));
});
