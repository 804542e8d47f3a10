import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { GraphDrawStyle, LineInterpolation, StackingMode, VisibilityMode } from '@grafana/grafana-foundation-sdk/common';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { dataSource } from './variables.ts';

/** An expression, and how its series are called: `{{label}}` is replaced. */
export type Query = readonly [expr: string, legend: string];

interface Look {
  /** What the panel tells, and what to make of it. */
  readonly about: string;
  /** Of Grafana: `short`, `s`, `bytes`, `reqps`, `percentunit` … */
  readonly unit?: string;
  /** Of the 24 columns. */
  readonly span?: number;
}

interface Curves extends Look {
  readonly draw?: 'lines' | 'steps' | 'bars';
  readonly stacked?: boolean;
}

const refIds = 'ABCDEFGHIJKLMNOP';
const curve = ([expr, legend]: Query, index: number): DataqueryBuilder =>
  new DataqueryBuilder()
    .refId(refIds[index] ?? 'Z')
    .expr(expr)
    .legendFormat(legend)
    .range();

/** Curves over time. Counts change in steps; a gap is a time of which nothing is known. */
export const curves = (
  title: string,
  { about, unit = 'short', span = 8, draw = 'lines', stacked = false }: Curves,
  ...queries: readonly Query[]
): Builder<Panel> => {
  const panel = new TimeSeriesBuilder()
    .title(title)
    .description(about)
    .datasource(dataSource)
    .unit(unit)
    .min(0)
    .span(span)
    .height(8)
    .lineWidth(1)
    .showPoints(VisibilityMode.Never)
    .drawStyle(draw === 'bars' ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .lineInterpolation(draw === 'steps' ? LineInterpolation.StepAfter : LineInterpolation.Linear)
    .fillOpacity(draw === 'bars' ? 80 : stacked ? 40 : 10)
    .targets(queries.map(curve));
  return stacked ? panel.stacking({ build: () => ({ mode: StackingMode.Normal, group: 'A' }) }) : panel;
};

/** The newest number, large. */
export const number = (title: string, { about, unit = 'short', span = 3 }: Look, ...queries: readonly Query[]): Builder<Panel> =>
  new StatBuilder().title(title).description(about).datasource(dataSource).unit(unit).span(span).height(4).targets(queries.map(curve));

/** One row for each workload (or what the queries are by), one column for each query. */
export const table = (title: string, { about, unit = 'short', span = 24 }: Look, ...queries: readonly Query[]): Builder<Panel> =>
  new TableBuilder()
    .title(title)
    .description(about)
    .datasource(dataSource)
    .unit(unit)
    .span(span)
    .height(10)
    .targets(
      queries.map(([expr], index) =>
        new DataqueryBuilder()
          .refId(refIds[index] ?? 'Z')
          .expr(expr)
          .format(PromQueryFormat.Table)
          .instant(),
      ),
    )
    .transformations([
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true },
          renameByName: Object.fromEntries(queries.map(([, name], index) => [`Value #${refIds[index] ?? 'Z'}`, name])),
        },
      },
    ]);
