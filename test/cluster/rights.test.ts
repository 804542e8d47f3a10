import test from 'ava';
import { rights } from '../../src/cli/controller/rights.ts';
import { auditedRights, neverUsed } from './harness/audited-rights.ts';
import { clusterOf } from './harness/cluster.ts';

/** The last file of the suite (`ava.config.js`): what every test before it made the controllers do is in the API server's audit log. */

/** A slice is read where it names a gateway that has not linked since its controller began: only while controllers and gateways fail together (`test:cluster:faults`). */
const ofFaults = 'get endpointslices.discovery.k8s.io';

test('nothing that the controllers did was denied', async (t) => {
  const cluster = await clusterOf(t);
  const { denied } = await auditedRights(cluster.directory);
  // A kind of allow-kinds whose ClusterRole is not there yet (further-kinds.test.ts).
  t.deepEqual(
    denied.filter((right) => !right.startsWith('list widgets.example.com')),
    [],
  );
});

// Known to be true only where all of the suite ran.
if (process.env.ROUSE_TEST_WHOLE_SUITE === 'yes')
  test('nothing is granted to the controllers that they never used', async (t) => {
    const cluster = await clusterOf(t);
    const { used } = await auditedRights(cluster.directory);
    const inVain = [...neverUsed(rights.cluster, used.cluster), ...neverUsed(rights.workloads, used.workloads), ...neverUsed(rights.system, used.system)];
    t.deepEqual(
      inVain.filter((right) => right !== ofFaults),
      [],
    );
  });
