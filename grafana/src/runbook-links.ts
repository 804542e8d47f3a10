/** Where a runbook's name goes in the address of a place that serves them. */
const place = '{alert}';

/** Throws where `url` is no address that has a place for the name of an alert. */
const checked = (url: string): string => {
  const problem = `--runbooks ${JSON.stringify(url)}: want an http or https URL with ${place} in it, e.g. https://wiki.example.com/rouse/${place}`;
  if (!url.includes(place) || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new Error(problem);
  return url;
};

/**
 * The alerts with links to runbooks. Each says in `runbook` which page of this repository is about it: that is true wherever it runs. `runbook_url`, which Alertmanager's templates and
 * Grafana make a link of, can only be said by who knows where the pages are served.
 */
export const withRunbookLinks = (alerts: string, url: string): string => {
  const address = checked(url);
  return alerts.replaceAll(/^( +)(runbook: docs\/runbooks\/(\w+)\.md)$/gm, (_all, indent: string, runbook: string, alert: string) => {
    return `${indent}${runbook}\n${indent}runbook_url: '${address.replaceAll(place, alert)}'`;
  });
};
