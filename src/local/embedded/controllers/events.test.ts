import test from 'ava';
import { millis, seededRandom, silentLogger } from '../../../core/index.ts';
import { resources } from '../../../kube/index.ts';
import { EventRecorder, type EventNote } from './events.ts';
import { startTestCluster, user } from './testing.ts';

test('an Event says who, what and how often; the same again only counts', async (t) => {
  const cluster = await startTestCluster();
  t.teardown(() => cluster.close());
  const { api, clock } = cluster;
  const about = await api.create(resources.configMaps, { metadata: { name: 'thing', namespace: 'default' } }, user);
  const events = new EventRecorder(api, clock, seededRandom(5), silentLogger);
  const note: EventNote = { about, type: 'Warning', reason: 'Unhealthy', message: 'it is not well', component: 'kubelet', host: 'local', fieldPath: 'spec.x' };
  const all = () => api.list(resources.events, 'default').filter(({ involvedObject }) => involvedObject.uid === about.metadata.uid);
  events.record(note);
  t.is(all().length, 0, 'nothing is written while whoever notes it is at work');
  await clock.advance(millis(50));
  events.record(note);
  events.record({ ...note, message: 'it is worse' });
  await clock.advance(millis(50));
  t.deepEqual(
    all()
      .map(({ message, count }) => [message, count])
      .toSorted(),
    [
      ['it is not well', 2],
      ['it is worse', 1],
    ],
  );
  t.like(all()[0], {
    type: 'Warning',
    reason: 'Unhealthy',
    source: { component: 'kubelet', host: 'local' },
    involvedObject: { kind: 'ConfigMap', name: 'thing', fieldPath: 'spec.x' },
  });
  events.close();
});

test('a flood of Events is cut off, not queued without end', async (t) => {
  const cluster = await startTestCluster();
  t.teardown(() => cluster.close());
  const { api, clock } = cluster;
  const about = await api.create(resources.configMaps, { metadata: { name: 'thing', namespace: 'default' } }, user);
  const events = new EventRecorder(api, clock, seededRandom(5), silentLogger);
  for (let number = 0; number < 5000; number += 1) events.record({ about, type: 'Normal', reason: 'Flood', message: `number ${number}`, component: 'test' });
  await clock.advance(millis(50));
  await cluster.settle();
  t.is(api.list(resources.events, 'default').filter(({ reason }) => reason === 'Flood').length, 1000);
  events.close();
});
