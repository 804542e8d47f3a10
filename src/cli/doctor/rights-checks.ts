import { systemNamespace } from '../../core/index.ts';
import { resources, type KubeClient } from '../../kube/index.ts';
import { describedRights, missingRights, reviewsOf, wantedIn } from '../controller/check-rights.ts';
import { good, problem, reinstall, skipped, warning, type Check } from './check.ts';

const controllerUser = `system:serviceaccount:${systemNamespace}:rouse-controller`;
const groups = ['system:serviceaccounts', `system:serviceaccounts:${systemNamespace}`, 'system:authenticated'];

/** `team-a,team-b` of the argument `--namespaces` of the controller's container. */
const namespacesIn = (args: readonly string[]): readonly string[] | undefined => {
  const at = args.findIndex((arg) => arg === '--namespaces' || arg.startsWith('--namespaces='));
  const value = at === -1 ? undefined : args[at]?.includes('=') === true ? args[at].split('=')[1] : args[at + 1];
  return value?.split(',');
};

export const controllerRights: Check = {
  id: 'controller-rights',
  about: 'the controller may do what it has to do',
  run: async (patient) => {
    if ((await patient.place()) === 'outside') return skipped('the controller runs outside the cluster, as whoever its kubeconfig names');
    const args = await controllerArguments(patient.client);
    const may = reviewsOf(patient.client, { user: controllerUser, groups });
    const answer = await may({ verb: 'list', group: '', resource: 'namespaces', name: undefined });
    if (answer === undefined) return skipped('you may not create subjectaccessreviews.authorization.k8s.io, which tell what others may');
    const lacking = await missingRights(may, wantedIn(namespacesIn(args), args.includes('--placement')));
    return lacking.length === 0 ? good(`${controllerUser} has every right`) : problem(`the controller may not ${describedRights(lacking)}`, reinstall);
  },
};

const controllerArguments = async (client: KubeClient): Promise<readonly string[]> => {
  const found = await client.get(resources.deployments, { namespace: systemNamespace, name: 'rouse-controller' });
  return found.ok ? (found.value.spec?.template.spec?.containers[0]?.args ?? []) : [];
};

/** What the commands that look need of whoever runs them. */
const yours = [
  { verb: 'get', group: '', resource: 'services/proxy', name: 'rouse-controller:metrics', namespace: systemNamespace },
  { verb: 'list', group: '', resource: 'events', name: undefined },
  { verb: 'get', group: 'apps', resource: 'deployments', name: undefined },
  { verb: 'patch', group: 'apps', resource: 'deployments', name: undefined },
];

export const yourRights: Check = {
  id: 'your-rights',
  about: 'you may use rouse status, explain, events, enable and disable',
  run: async ({ client }) => {
    const lacking = await missingRights(reviewsOf(client), yours);
    return lacking.length === 0
      ? good('every command of rouse is open to you')
      : warning(
          `you may not ${describedRights(lacking)}`,
          'docs/explain.md has the Role for status and explain; kubectl auth can-i --list shows what you have',
        );
  },
};
