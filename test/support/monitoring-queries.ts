import type { ClassicDashboard } from '../../grafana/src/dashboard.ts';

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook: string; readonly runbook_url?: string };
}
interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}
export interface RuleFile {
  readonly groups: readonly { readonly rules: readonly (AlertRule | RecordingRule)[] }[];
}

/** An expression, and where it stands. */
export interface AskedQuery {
  readonly where: string;
  readonly expr: string;
}

/** Every expression of a dashboard: of its panels and of its annotations. */
export const dashboardQueries = (file: string, { panels, annotations }: ClassicDashboard): readonly AskedQuery[] => {
  const ofPanels = panels.flatMap((panel) =>
    'targets' in panel
      ? (panel.targets as readonly { readonly refId?: string; readonly expr?: string }[]).map(({ refId = '', expr = '' }) => ({
          where: `${file}: ${panel.title ?? ''} ${refId}`,
          expr,
        }))
      : [],
  );
  const ofAnnotations = (annotations.list ?? []).flatMap(({ name, expr }) => (expr === undefined ? [] : [{ where: `${file}: annotation ${name}`, expr }]));
  return [...ofPanels, ...ofAnnotations];
};

export const ruleQueries = ({ groups }: RuleFile): readonly AskedQuery[] =>
  groups.flatMap(({ rules }) => rules.map((rule) => ({ where: 'alert' in rule ? rule.alert : rule.record, expr: rule.expr })));
