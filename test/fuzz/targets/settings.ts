import { parseConfig, parseSpec, type Texts } from '../../../src/core/spec/index.ts';
import type { SpecProblem } from '../../../src/core/index.ts';
import { CommandError } from '../../../src/cli/exit-code.ts';
import { parseManifests } from '../../../src/cli/manifests.ts';
import { insist, notFinite } from '../insist.ts';
import type { FuzzTarget } from '../target.ts';

/** What users write: annotations, ConfigMap rouse-config, manifests. */

/** `key=value` a line; a value may have `\n` for a line of its own. */
const textsOf = (input: Buffer): Texts =>
  Object.fromEntries(
    input
      .toString('utf8')
      .split('\n')
      .map((line): [string, string] => {
        const at = line.indexOf('=');
        return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1).replaceAll('\\n', '\n')];
      }),
  );

const checkProblems = (problems: readonly SpecProblem[]): void => {
  insist(problems.length > 0, 'a refusal has a problem');
  for (const { key, legal, example, message } of problems) {
    insist(typeof key === 'string' && legal !== '' && example !== '', 'a problem says key, what is legal and an example', { key, legal, example });
    insist(message.length > 10 && message.length < 2000 && !/[\0-\x08\n\r]/.test(message.replaceAll(key, '')), 'a problem is one readable line', message);
  }
};

const annotations = [
  'rouse.dev/enabled=true\nrouse.dev/min-scale=1\nrouse.dev/max-scale=10\nrouse.dev/window=60s\nrouse.dev/target=concurrency=50,rps=200,latency=250ms,cpu=80%,memory=512Mi\nrouse.dev/metric=concurrency,rps,latency',
  'rouse.dev/schedule=- {days: [mon, tue], from: "08:00", to: "18:00", timezone: Europe/Berlin, min: 2, max: 9}\\n- {days: [sat], from: "22:00", to: "06:00", timezone: UTC, min: 0}',
  'rouse.dev/ignore-requests=- {path: /healthz}\\n- {userAgent: kube-probe/, header: x-probe}\nrouse.dev/hold-timeout=1m30s\nrouse.dev/request-timeout=24h\nrouse.dev/idle-timeout=0s',
  'rouse.dev/container-concurrency=1000\nrouse.dev/target-utilization-percentage=70\nrouse.dev/panic-window-percentage=10\nrouse.dev/panic-threshold-percentage=200\nrouse.dev/max-scale-up-rate=1000\nrouse.dev/scale-down-delay=1h',
  'autoscaling.knative.dev/minScale=1\nautoscaling.knative.dev/target-burst-capacity=-1\nautoscaling.knative.dev/metric=rps\nrouse.dev/formula=max(concurrency / 10, ready)\nrouse.dev/services=web,web-2',
  'rouse.dev/placement=pack\nrouse.dev/base-replicas=2\nrouse.dev/base-nodes=pool=stable,!spot\nrouse.dev/burst-nodes=pool in (spot, cheap)\nrouse.dev/fallback-scale=3\nrouse.dev/fallback-after=3m\nrouse.dev/pause=up',
];

const specTarget = (): FuzzTarget => ({
  name: 'annotations',
  corpus: annotations,
  check: (input) => {
    const texts = textsOf(input);
    for (const sources of [{ workload: texts }, { namespace: texts, workload: {} }, { podTemplate: texts, workload: {} }]) {
      const parsed = parseSpec(sources);
      if (!parsed.ok) {
        checkProblems(parsed.problem);
        continue;
      }
      const { scaling, traffic } = parsed.value.spec;
      insist(notFinite(parsed.value.spec) === undefined, 'every number of a spec is finite', notFinite(parsed.value.spec));
      insist(scaling.max === 'unlimited' || scaling.min <= scaling.max, 'min-scale is not above max-scale', scaling);
      insist(scaling.stableWindow >= 6000 && scaling.stableWindow <= 3_600_000, 'the window is legal', scaling.stableWindow);
      insist(
        scaling.metrics.every(({ target }) => target > 0) && scaling.targetUtilization > 0 && scaling.targetUtilization <= 1,
        'targets are above zero',
        scaling,
      );
      insist(traffic.holdQueueDepth >= 0 && traffic.holdQueueDepth <= 100_000, 'the hold queue is bounded', traffic.holdQueueDepth);
    }
  },
});

const configTarget = (): FuzzTarget => ({
  name: 'rouse-config',
  corpus: [
    'min-scale=0\nmax-scale=10\nwindow=60s\nmax-scale-limit=100\nallow-kinds=deployments.apps,statefulsets.apps\ntrusted-proxies=10.0.0.0/8,fd00::/8',
    'budget=pods: 100\\nnamespaces: {default: 10, dev: {pods: 3}}\\npriorities: {high: 10}\nper-workload-metrics=false\naccess-log=json\nhold-timeout=1m',
  ],
  check: (input) => {
    const parsed = parseConfig(textsOf(input));
    if (!parsed.ok) checkProblems(parsed.problem);
    else {
      insist(notFinite(parsed.value.config) === undefined, 'every number of the configuration is finite', notFinite(parsed.value.config));
      insist(parseSpec({ cluster: parsed.value.config.defaults, workload: {} }).ok, 'a workload that says nothing is legal under accepted defaults');
    }
  },
});

const manifest =
  'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: hello\n  annotations:\n    rouse.dev/enabled: "true"\nspec:\n  template: &t\n    metadata: {labels: {app: hello}}\n---\n# nothing\n---\n{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Service, metadata: {name: a}}]}\n';

const manifestTarget = (): FuzzTarget => ({
  name: 'manifests',
  corpus: [
    manifest,
    'a: &a [x, x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n',
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"|"}}',
  ],
  check: (input) => {
    try {
      for (const { object, at } of parseManifests(input.toString('utf8'), 'file.yaml')) {
        insist(object.kind !== '' && object.apiVersion !== '' && object.metadata.name !== '', 'what is read is an object with a name', object);
        insist(/^file\.yaml:\d+$/.test(at), 'an object knows its line', at);
      }
    } catch (error) {
      insist(error instanceof CommandError && error.exitCode === 2, `what is wrong is told as a mistake of the user: ${String(error)}`);
      insist(
        error.message.startsWith('file.yaml') && error.message.length < 2000 && !error.message.includes('\n'),
        'in one sentence with the place',
        error.message,
      );
    }
  },
});

export const settingsTargets = [specTarget, configTarget, manifestTarget];
