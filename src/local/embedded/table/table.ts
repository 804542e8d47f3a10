import type { JsonObject } from '../json.ts';
import * as cluster from './cluster-columns.ts';
import type { Column } from './column.ts';
import { endpointsColumns, endpointSliceColumns, serviceColumns } from './network-columns.ts';
import { podColumns } from './pod-columns.ts';
import * as workload from './workload-columns.ts';

const columnsByKind: Readonly<Record<string, readonly Column[]>> = {
  '/ConfigMap': cluster.configMapColumns,
  '/Endpoints': endpointsColumns,
  '/Event': cluster.eventColumns,
  '/Namespace': cluster.namespaceColumns,
  '/Node': cluster.nodeColumns,
  '/Pod': podColumns,
  '/Secret': cluster.secretColumns,
  '/Service': serviceColumns,
  '/ServiceAccount': cluster.serviceAccountColumns,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': cluster.webhookColumns,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': cluster.webhookColumns,
  'apps/ControllerRevision': workload.controllerRevisionColumns,
  'apps/Deployment': workload.deploymentColumns,
  'apps/ReplicaSet': workload.replicaSetColumns,
  'apps/StatefulSet': workload.statefulSetColumns,
  'autoscaling/HorizontalPodAutoscaler': workload.autoscalerColumns,
  'coordination.k8s.io/Lease': cluster.leaseColumns,
  'discovery.k8s.io/EndpointSlice': endpointSliceColumns,
  'events.k8s.io/Event': cluster.eventColumns,
  'policy/PodDisruptionBudget': workload.disruptionBudgetColumns,
  'rbac.authorization.k8s.io/ClusterRoleBinding': cluster.bindingColumns,
  'rbac.authorization.k8s.io/RoleBinding': cluster.bindingColumns,
};

export interface TableOptions {
  readonly resource: { readonly group: string; readonly kind: string };
  /** Ages are counted up to here: ms since the epoch. */
  readonly now: number;
  /** `?includeObject=`: what each row carries of its object. */
  readonly includeObject: 'None' | 'Metadata' | 'Object';
  /** False for the second and later events of a watch, which repeat no column definitions. */
  readonly headers: boolean;
  /** `metadata` of the list (resourceVersion, continue, remainingItemCount), or the object's resourceVersion. */
  readonly metadata: JsonObject;
}

/**
 * A meta.k8s.io/v1 Table of these objects (one row each), as kube-apiserver answers `Accept: application/json;as=Table;v=v1;g=meta.k8s.io`.
 * `-o wide` columns are always there, with priority 1.
 */
export const renderTable = (objects: readonly JsonObject[], options: TableOptions): JsonObject => {
  const columns = columnsByKind[`${options.resource.group}/${options.resource.kind}`] ?? cluster.plainColumns;
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.metadata,
    columnDefinitions: options.headers ? columns.map(definitionOf) : null,
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, options.now)),
      ...carried(object, options.includeObject),
    })),
  };
};

const definitionOf = ({ name, type, format, priority }: Column): JsonObject => ({ name, type, format, description: '', priority });

const carried = (object: JsonObject, include: TableOptions['includeObject']): JsonObject => {
  switch (include) {
    case 'None':
      return {};
    case 'Object':
      return { object };
    case 'Metadata':
      return { object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object['metadata'] } };
  }
};
