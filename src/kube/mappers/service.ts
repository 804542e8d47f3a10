import { at, flag, integer, isRecord, items, portReference, text, textMap, texts } from '../reader.ts';
import type { ServicePortView, ServiceView } from '../views.ts';
import { metaView } from './meta.ts';

/** A Service. */
export const serviceView = (raw: unknown): ServiceView => {
  const spec = at(raw, 'spec');
  return {
    ...metaView(raw),
    type: text(at(spec, 'type')) ?? 'ClusterIP',
    selector: selectorOf(at(spec, 'selector')),
    clusterIP: text(at(spec, 'clusterIP')),
    ipFamilies: texts(at(spec, 'ipFamilies')),
    ports: items(at(spec, 'ports')).flatMap(servicePort),
    sessionAffinity: text(at(spec, 'sessionAffinity')) ?? 'None',
    internalTrafficPolicy: text(at(spec, 'internalTrafficPolicy')),
    externalTrafficPolicy: text(at(spec, 'externalTrafficPolicy')),
    publishNotReadyAddresses: flag(at(spec, 'publishNotReadyAddresses')),
  };
};

/** An empty selector selects nothing, as none does: the endpoints are somebody else's. */
const selectorOf = (raw: unknown): Readonly<Record<string, string>> | undefined => (isRecord(raw) && Object.keys(raw).length > 0 ? textMap(raw) : undefined);

const servicePort = (raw: unknown): readonly ServicePortView[] => {
  const port = integer(at(raw, 'port'));
  if (port === undefined) return [];
  return [
    {
      name: text(at(raw, 'name')),
      port,
      protocol: text(at(raw, 'protocol')) ?? 'TCP',
      targetPort: portReference(at(raw, 'targetPort')) ?? port,
      appProtocol: text(at(raw, 'appProtocol')),
    },
  ];
};
