import { stringify } from 'yaml';

export const dataForms = ['json', 'yaml', 'name'] as const;
export type DataForm = (typeof dataForms)[number];

/** As kubectl takes it. */
export const objectName = ({ resource, name }: { readonly resource: string; readonly name: string }): string => `${resource}/${name}`;

/** `document` as JSON or YAML, or of each of its objects the name, as kubectl takes it: `deployments.apps/hello`. */
export const printed = (form: DataForm, document: object, names: readonly string[]): string => {
  switch (form) {
    case 'json':
      return `${JSON.stringify(document, undefined, 2)}\n`;
    case 'yaml':
      return stringify(document, { lineWidth: 0 });
    case 'name':
      return names.map((name) => `${name}\n`).join('');
  }
};
