import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  VariableSort,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';

/** The Prometheus that was chosen above the dashboard. */
export const dataSource: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

const chooseDataSource = new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus');

const values = (name: string, label: string, query: string, several: boolean): Builder<VariableModel> => {
  const variable = new QueryVariableBuilder(name)
    .label(label)
    .datasource(dataSource)
    .query({ query, refId: name })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc);
  return several ? variable.multi(true).includeAll(true).allValue('.*') : variable;
};

export const dataSourceOnly: readonly Builder<VariableModel>[] = [chooseDataSource];

/** Any number of namespaces and workloads. */
export const anyWorkloads: readonly Builder<VariableModel>[] = [
  chooseDataSource,
  values('namespace', 'Namespace', 'label_values(rouse_desired_pods, namespace)', true),
  values('workload', 'Workload', 'label_values(rouse_desired_pods{namespace=~"$namespace"}, workload)', true),
];

/** One. */
export const oneWorkload: readonly Builder<VariableModel>[] = [
  chooseDataSource,
  values('namespace', 'Namespace', 'label_values(rouse_desired_pods, namespace)', false),
  values('workload', 'Workload', 'label_values(rouse_desired_pods{namespace="$namespace"}, workload)', false),
];

/** What an hour of one pod costs. */
export const price: Builder<VariableModel> = new TextBoxVariableBuilder('price').label('Price of a pod and hour').defaultValue('0.04');
