import type { Group } from '../case.ts';
import { access } from './access.ts';
import { admission } from './admission.ts';
import { admissionFailures } from './admission-failures.ts';
import { adoption } from './adoption.ts';
import { applyCases } from './apply.ts';
import { deletion } from './deletion.ts';
import { discovery } from './discovery.ts';
import { endpoints } from './endpoints.ts';
import { fields } from './fields.ts';
import { garbage } from './garbage.ts';
import { leases } from './leases.ts';
import { lists } from './lists.ts';
import { objects } from './objects.ts';
import { patches } from './patches.ts';
import { pods } from './pods.ts';
import { rollout } from './rollout.ts';
import { scale } from './scale.ts';
import { tables } from './tables.ts';
import { takeover } from './takeover.ts';
import { watches } from './watches.ts';
import { writes } from './writes.ts';

/** Every case, in the order of docs/reference/embedded.md. */
export const groups: readonly Group[] = [
  { name: 'discovery', cases: discovery },
  { name: 'objects', cases: objects },
  { name: 'writes', cases: writes },
  { name: 'fields', cases: fields },
  { name: 'lists', cases: lists },
  { name: 'patches', cases: patches },
  { name: 'apply', cases: applyCases },
  { name: 'scale', cases: scale },
  { name: 'watches', cases: watches },
  { name: 'tables', cases: tables },
  { name: 'deletion', cases: deletion },
  { name: 'garbage', cases: garbage },
  { name: 'pods', cases: pods },
  { name: 'rollout', cases: rollout },
  { name: 'adoption', cases: adoption },
  { name: 'endpoints', cases: endpoints },
  { name: 'takeover', cases: takeover },
  { name: 'admission', cases: admission },
  { name: 'admission-failures', cases: admissionFailures },
  { name: 'leases', cases: leases },
  { name: 'access', cases: access },
];
