import { ApiError } from './api-error.ts';

/** True if an object with these labels is selected. Absent labels are the same as none. */
export type LabelMatcher = (labels: Readonly<Record<string, string>> | undefined) => boolean;

/** True if the object is selected. */
export type FieldMatcher = (object: object) => boolean;

/** A LabelSelector object (meta/v1), as in `spec.selector` of a Deployment or `objectSelector` of a webhook. */
export interface LabelSelectorObject {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }[] | undefined;
}

type Operator = 'in' | 'notin' | 'exists' | '!' | '>' | '<';

interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

const everything: LabelMatcher = () => true;
const nothing: LabelMatcher = () => false;

/**
 * Parses a label selector as it stands in `?labelSelector=` and in `Scale.status.selector`: `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (x,y)`,
 * `a notin (x,y)`, `a>1`, `a<1`, joined by commas (AND). The empty string selects everything. Throws ApiError 400 (grammar and
 * semantics: apimachinery `pkg/labels/selector.go`).
 */
export const parseLabelSelector = (text: string): LabelMatcher => {
  const requirements = new LabelParser(text).parse();
  return requirements.length === 0 ? everything : (labels = {}) => requirements.every((requirement) => satisfies(requirement, labels));
};

/** A LabelSelector object as a matcher: undefined selects nothing, `{}` everything. Throws ApiError 400 for an operator that does not exist. */
export const labelSelectorMatcher = (selector: LabelSelectorObject | undefined): LabelMatcher => {
  if (selector === undefined) return nothing;
  const requirements = requirementsOf(selector);
  return requirements.length === 0 ? everything : (labels = {}) => requirements.every((requirement) => satisfies(requirement, labels));
};

/** `a=b,c in (x,y)`: a LabelSelector object as the string form has it, sorted by key as kube-apiserver prints it. `''` selects everything. */
export const printLabelSelector = (selector: LabelSelectorObject): string =>
  requirementsOf(selector)
    .toSorted((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0))
    .map(printRequirement)
    .join(',');

const objectOperators: Readonly<Record<string, Operator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

const requirementsOf = (selector: LabelSelectorObject): Requirement[] => [
  ...Object.entries(selector.matchLabels ?? {}).map(([key, value]): Requirement => ({ key, operator: 'in', values: [value] })),
  ...(selector.matchExpressions ?? []).map((expression): Requirement => {
    const operator = objectOperators[expression.operator];
    if (operator === undefined) throw ApiError.badRequest(`"${expression.operator}" is not a valid label selector operator`);
    const values = expression.values ?? [];
    checkValueCount(operator, values);
    return { key: expression.key, operator, values };
  }),
];

const printRequirement = ({ key, operator, values }: Requirement): string => {
  if (operator === 'exists') return key;
  if (operator === '!') return `!${key}`;
  if (operator === 'in' && values.length === 1) return `${key}=${values[0] ?? ''}`;
  return operator === '>' || operator === '<' ? `${key}${operator}${values[0] ?? ''}` : `${key} ${operator} (${values.toSorted().join(',')})`;
};

const satisfies = ({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>>): boolean => {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'in':
      return value !== undefined && values.includes(value);
    case 'notin':
      return value === undefined || !values.includes(value);
    case '>':
    case '<': {
      if (value === undefined || !/^[+-]?\d+$/.test(value)) return false;
      const [have, want] = [BigInt(value.replace('+', '')), BigInt((values[0] ?? '0').replace('+', ''))];
      return operator === '>' ? have > want : have < want;
    }
  }
};

const checkValueCount = (operator: Operator, values: readonly string[]): void => {
  if ((operator === 'in' || operator === 'notin') && values.length === 0) {
    throw ApiError.badRequest("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
  }
  if ((operator === 'exists' || operator === '!') && values.length > 0) {
    throw ApiError.badRequest(`values: Invalid value: ${JSON.stringify(values)}: values set must be empty for exists and does not exist`);
  }
  if ((operator === '>' || operator === '<') && !/^[+-]?\d+$/.test(values[0] ?? '')) {
    throw ApiError.badRequest(`values[0]: Invalid value: ${JSON.stringify(values[0])}: for 'Gt', 'Lt' operators, the value must be an integer`);
  }
};

const keyPattern = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const valuePattern = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Recursive descent over the tokens of one selector. `''` as a token is the end. */
class LabelParser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = text.match(/[(),]|!=|==|[=!<>]|[^(),=!<>\s]+/g) ?? [];
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    if (this.#tokens.length === 0) return requirements;
    for (;;) {
      requirements.push(this.#requirement());
      const separator = this.#next();
      if (separator === '') return requirements;
      if (separator !== ',') throw expected(separator, `',' or 'end of string'`);
      if (this.#peek() === '') throw expected('', `identifier after ','`);
    }
  }

  #requirement(): Requirement {
    const negated = this.#peek() === '!';
    if (negated) this.#next();
    const key = this.#next();
    if (!isWord(key)) throw expected(key, `'!, identifier'`);
    if (!keyPattern.test(key)) {
      throw ApiError.badRequest(
        `unable to parse requirement: key: Invalid value: ${JSON.stringify(key)}: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
      );
    }
    const ahead = this.#peek();
    if (negated || ahead === '' || ahead === ',') return { key, operator: negated ? '!' : 'exists', values: [] };
    const { operator, values } = this.#operands();
    checkValueCount(operator, values);
    for (const value of values) {
      if (!valuePattern.test(value)) {
        throw ApiError.badRequest(
          `unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(value)}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character, at most 63 characters`,
        );
      }
    }
    return { key, operator, values };
  }

  #operands(): { operator: Operator; values: readonly string[] } {
    const symbol = this.#next();
    switch (symbol) {
      case '=':
      case '==':
        return { operator: 'in', values: [this.#value()] };
      case '!=':
        return { operator: 'notin', values: [this.#value()] };
      case '>':
      case '<':
        return { operator: symbol, values: [this.#value()] };
      case 'in':
      case 'notin':
        return { operator: symbol, values: this.#set() };
      default:
        throw expected(symbol, `in, notin, =, ==, !=, gt, lt`);
    }
  }

  /** The value after `=`: nothing there means the empty string. */
  #value(): string {
    const ahead = this.#peek();
    if (ahead === '' || ahead === ',') return '';
    if (!isWord(ahead)) throw expected(ahead, 'identifier');
    return this.#next();
  }

  #set(): string[] {
    const open = this.#next();
    if (open !== '(') throw expected(open, `'('`);
    const values = new Set<string>();
    if (this.#peek() === ')') {
      this.#next();
      return [];
    }
    for (;;) {
      values.add(isWord(this.#peek()) ? this.#next() : '');
      const separator = this.#next();
      if (separator === ')') return [...values];
      if (separator !== ',') throw expected(separator, `',' or ')'`);
    }
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? '';
  }

  #next(): string {
    return this.#tokens[this.#at++] ?? '';
  }
}

const isWord = (token: string): boolean => token !== '' && !/^[(),=!<>]/.test(token);

const expected = (found: string, what: string): ApiError => ApiError.badRequest(`unable to parse requirement: found '${found}', expected: ${what}`);
