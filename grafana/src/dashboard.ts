import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  RowBuilder,
  type AnnotationQuery,
  type Panel,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';

/** A dashboard as it is told: rows with their panels. */
export interface Told {
  readonly title: string;
  readonly uid: string;
  readonly about: string;
  readonly variables: readonly Builder<VariableModel>[];
  readonly annotations?: readonly Builder<AnnotationQuery>[];
  readonly rows: readonly (readonly [title: string, panels: readonly Builder<Panel>[]])[];
}

/** All of ours link to each other and keep the chosen time. */
const others = new DashboardLinkBuilder('Rouse').type(DashboardLinkType.Dashboards).tags(['rouse']).keepTime(true).includeVars(true).asDropdown(true);

export const dashboard = ({ title, uid, about, variables, annotations = [], rows }: Told) => {
  // The classic model: every Grafana imports it; that of version 2, which the SDK prefers, only the newest ones do.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const built = new DashboardBuilder(`Rouse / ${title}`)
    .uid(uid)
    .description(about)
    .tags(['rouse'])
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('10s')
    .timezone('browser')
    .variables([...variables])
    .annotations([...annotations])
    .links([others]);
  for (const [name, panels] of rows) {
    built.withRow(new RowBuilder(name));
    for (const panel of panels) built.withPanel(panel);
  }
  const { panels = [], ...rest } = built.build();
  return { ...rest, panels: panels.map((panel, index) => ({ ...panel, id: index + 1 })) };
};

/** As it stands in a file. */
export type ClassicDashboard = ReturnType<typeof dashboard>;
