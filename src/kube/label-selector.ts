import type { WorkloadView } from './views.ts';

type Selector = WorkloadView['selector'];
type Requirement = Selector['matchExpressions'][number];

const name = '[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?';
const key = `([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?${name}`;
const inSet = new RegExp(`^(?<key>${key})\\s+(?<operator>in|notin)\\s*\\((?<values>[^()]*)\\)$`);
const compared = new RegExp(`^(?<key>${key})\\s*(?<operator>==|=|!=)\\s*(?<value>(${name})?)$`);
const exists = new RegExp(`^(?<not>!?)\\s*(?<key>${key})$`);

/** A label selector as text (`app=web,tier in (a,b),!old`), as `/scale` tells it; undefined if it is none. The empty text selects nothing here. */
export const parseLabelSelector = (text: string): Selector | undefined => {
  const matchLabels: Record<string, string> = {};
  const matchExpressions: Requirement[] = [];
  // A comma inside parentheses separates values, not requirements.
  for (const part of text.split(/,(?![^(]*\))/).map((each) => each.trim())) {
    if (part === '' && text.trim() === '') break;
    const requirement = parseRequirement(part);
    if (requirement === undefined) return undefined;
    if ('value' in requirement) matchLabels[requirement.key] = requirement.value;
    else matchExpressions.push(requirement);
  }
  return { matchLabels, matchExpressions };
};

const parseRequirement = (part: string): Requirement | { readonly key: string; readonly value: string } | undefined => {
  const set = inSet.exec(part)?.groups;
  if (set !== undefined) {
    const values = (set['values'] ?? '').split(',').map((value) => value.trim());
    return { key: set['key'] ?? '', operator: set['operator'] === 'in' ? 'In' : 'NotIn', values };
  }
  const pair = compared.exec(part)?.groups;
  if (pair !== undefined) {
    const [own, value] = [pair['key'] ?? '', pair['value'] ?? ''];
    return pair['operator'] === '!=' ? { key: own, operator: 'NotIn', values: [value] } : { key: own, value };
  }
  const is = exists.exec(part)?.groups;
  return is === undefined ? undefined : { key: is['key'] ?? '', operator: is['not'] === '!' ? 'DoesNotExist' : 'Exists', values: [] };
};
