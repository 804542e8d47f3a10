import { at, text, textMap } from '../reader.ts';
import type { ConfigMapView, NamespaceView } from '../views.ts';
import { metaView } from './meta.ts';

/** A ConfigMap, without binary data. */
export const configMapView = (raw: unknown): ConfigMapView => ({ ...metaView(raw), data: textMap(at(raw, 'data')) });

/** A Namespace. */
export const namespaceView = (raw: unknown): NamespaceView => {
  const { namespace: _none, ...meta } = metaView(raw);
  return { ...meta, phase: text(at(raw, 'status', 'phase')) ?? 'Active' };
};
