import test from 'ava';
import { rights } from '../../src/cli/rights.ts';
import { auditedRights, neverUsed } from './harness/audited-rights.ts';
import { clusterOf } from './harness/cluster.ts';

/** The last file of the suite (`ava.config.js`): what every test before it made the controllers do is in the API server's audit log. */

/** Rights that only faults need, and that `test:cluster:faults` is there for. */
const ofFaults: readonly string[] = [];

test('nothing that the controllers did was denied', async (t) => {
  const cluster = await clusterOf(t);
  const { denied } = await auditedRights(cluster.directory);
  t.deepEqual(denied, []);
});

// Known to be true only where all of the suite ran.
if (process.env.ROUSE_TEST_WHOLE_SUITE === 'yes')
  test('nothing is granted to the controllers that they never used', async (t) => {
    const cluster = await clusterOf(t);
    const { used } = await auditedRights(cluster.directory);
    t.deepEqual(
      [...neverUsed(rights.cluster, used.cluster), ...neverUsed(rights.workloads, used.workloads), ...neverUsed(rights.system, used.system)].filter(
        (right) => !ofFaults.includes(right),
      ),
      [],
    );
  });
