import { oneOf, podCount } from './scalars.ts';
import { selector } from './selector.ts';
import { wholePods, type Setting, type SettingRow } from './setting.ts';

const placement = <T>(row: SettingRow<T>): Setting<T> => ({ ...row, section: 'Placement', knative: false });

/** Where new pods go. */
export const placementSettings = {
  placement: placement({
    initial: 'warm',
    legal: 'warm, spread, pack or off',
    example: 'spread',
    meaning: 'which score leads when a node is chosen',
    parse: oneOf('warm', 'spread', 'pack', 'off'),
  }),
  'base-replicas': placement({
    initial: undefined,
    defaultMeans: 'min-scale, and 1 at least',
    legal: wholePods,
    example: '2',
    meaning: 'how many pods are the first ones, which go to base-nodes',
    parse: podCount(0),
  }),
  'base-nodes': placement({
    initial: undefined,
    legal: 'a label selector',
    example: 'capacity=on-demand',
    meaning: 'stable nodes, for the first pods',
    parse: selector,
  }),
  'burst-nodes': placement({ initial: undefined, legal: 'a label selector', example: 'capacity=spot', meaning: 'cheap nodes, for the rest', parse: selector }),
} as const;
