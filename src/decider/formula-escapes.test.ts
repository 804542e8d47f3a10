import test from 'ava';
import fc from 'fast-check';
import { loadFormulas } from './index.ts';

/**
 * Every way out of the expression parser of mathjs that is on record (its HISTORY.md by version, its issues, the CVE list), those of its kind in other
 * libraries, and what eats time or memory. Each is refused on its tree, before anything of it runs. The payload, where there is one, sets a global.
 */
const formulas = await loadFormulas();
const payload = 'globalThis.escaped = 1';
const text = (value: string): string => JSON.stringify(value);
const run = text(payload);

const escape = test.macro<string[]>({
  title: (title = '') => `refused: ${title}`,
  exec: (t, ...attempts: readonly string[]) => {
    const before = Object.getOwnPropertyNames(Object.prototype).length;
    for (const formula of attempts) {
      t.regex(
        formulas.check(formula) ?? 'accepted',
        /unknown (function|name)|something else|cannot be read|operator|no finite number|parts|nested|longer/,
        formula,
      );
      t.is(formulas.lookup(formula), undefined, formula);
    }
    t.false('escaped' in globalThis);
    t.is(Object.getOwnPropertyNames(Object.prototype).length, before);
  },
});

test(
  'the constructor of a function (3.10.2: CapacitorSet, denvit)',
  escape,
  `f = sqrt.constructor(${run}); f()`,
  `ceil.constructor(${run})()`,
  `max["constructor"](${run})`,
  'rps.constructor',
);
test(
  'the constructor through call, apply and bind (3.10.3)',
  escape,
  `max.constructor.call(null, ${run})`,
  `max.constructor.apply(null, [${run}])`,
  `max.bind(null)(1)`,
);
test(
  'an array that maps over a constructor (issue 821, comex, 1)',
  escape,
  `[${run}]._data.map(max.constructor)[1]()`,
  `map([${run}], max.constructor)`,
  `forEach([1], max)`,
);
test(
  'import that overrides what the parser itself calls (issue 821, comex, 2)',
  escape,
  `import({matrix: ceil.constructor}, {override: 1}); x = [${run}]; x()`,
  'import("fs")',
);
test(
  'an object that passes for a range, as an index (issue 821, comex, 3)',
  escape,
  `a = [${run}]._data; a.isRange = true; x = {subset: max.constructor}[a]; x()`,
);
test('Object.assign upon Function (issue 822, xfix)', escape, `{}.constructor.assign(max.constructor, {bind: null})`, '{}.constructor.keys({})');
test(
  'property descriptors (3.11.1 to 3.11.4: Joe Vennix, xfix)',
  escape,
  'p = parser(); p.get("constructor")',
  'o = {}.constructor; o.getOwnPropertyDescriptor(o.__proto__, "constructor")',
  '{}.__defineGetter__("a", max)',
  '{}.__lookupGetter__("a")',
);
test(
  'the classes of nodes and their prototypes (3.11.5)',
  escape,
  'expression.node.AssignmentNode.prototype',
  'expression.node.SymbolNode.apply({}, ["x"])',
  'expression.docs',
  'type.Unit.prototype',
);
test(
  'a parsed tree that is changed and compiled (3.12.1 to 3.13.1: Sam, Dan)',
  escape,
  `x = parse("max"); x.name = ${run}; x.compile().evaluate()`,
  'parse("1").map(f)',
  'parse("x = 1").transform(f)',
  'subset(parse("1"), index("value"), "evaluate")',
  'compile("1").evaluate()',
  'evaluate("1 + 1")',
  'eval("1 + 1")',
  'parser().evaluate("1")',
);
test(
  'functions of one’s own, and objects with a toString of one’s own (3.13.0)',
  escape,
  'f(x) = x; f(1)',
  'f(validateSafeMethod) = 1',
  'a = {toString: 1}',
  '{valueOf: 1} + 1',
  '{isNode: true, type: "ConstantNode"}',
);
test('chain (3.13.2)', escape, 'chain(3).add(4).done()', 'chain(max).constructor');
test('a typed function with code in its name (3.17.0: CVE-2017-1001002, Masato Kinugawa)', escape, `typed(${run}, {"": 1})`, 'typed({"number": max})');
test(
  'forbidden names behind Unicode escapes (3.17.0: CVE-2017-1001003, Masato Kinugawa)',
  escape,
  'rps.co\\u006Estructor',
  'rps.co\u006Estructor',
  'rps["co\\u006Estructor"]',
  '{"co\\u006Estructor": 2}',
  'ｍax(1)',
  'rps\u200b',
);
test(
  'prototype pollution by config (7.5.1: CVE-2020-7743)',
  escape,
  'config({"__proto__": {"escaped": 1}})',
  '{"__proto__": {"escaped": 1}}',
  'a = {}; a.__proto__.escaped = 1',
  'a = {}; a["__proto__"]["escaped"] = 1',
);
test(
  'names that every object has, as a name and as a function (11.9.1: Harry Chen)',
  escape,
  `constructor(${run})()`,
  'toString()',
  'valueOf()',
  'hasOwnProperty("x")',
  '__defineGetter__("x", max)',
  'isPrototypeOf(1)',
  '__proto__',
  'prototype',
  'toString',
  'this',
  'arguments',
  'undefined',
);
test(
  'import, createUnit and reviver (13.1.1: StarlightPWN)',
  escape,
  'createUnit("pods", {definition: "1 m", override: true})',
  'reviver("x", {"mathjs": "Unit"})',
  'replacer("x", 1)',
  'splitUnit(1, ["m"])',
);
test(
  'a function with raw arguments that is overwritten, and a scope that forgets (13.1.1: StarlightPWN)',
  escape,
  'and(x, y) = x',
  'max(x, y) = x',
  'rps = 5',
  'filter([1], x > 0)',
);
test(
  'an unsafe setter of properties (15.2.0: CVE-2026-40897)',
  escape,
  'a = {}; a.b = 1',
  'a = [1]; a[1] = 2',
  'a["constructor"] = 1',
  '[1].length = 0',
  'subset({}, index("constructor"), 1)',
);
test(
  'an unsafe getter of array indices (15.2.0: CVE-2026-41139)',
  escape,
  '[1]["constructor"]',
  '[1][index("constructor")]',
  '[1, 2][1]',
  'rps[1]',
  'rps?.constructor',
  'rps?.["constructor"]',
);
test(
  'forbidden names put together from parts',
  escape,
  'rps[concat("constr", "uctor")]',
  'a = "constructor"; rps[a]',
  'rps["con" + "structor"]',
  'string(1)',
  'format(1)',
  'print("$x", {x: 1})',
);
test(
  'a constructor of a constructor, from a number (expression-eval, pull request 53)',
  escape,
  `(1).constructor.constructor(${run})()`,
  `1.constructor.constructor(${run})()`,
);
test(
  'prototype pollution by assignment (expr-eval, huntr 418sec)',
  escape,
  'Object = constructor; a = Object.fromEntries([["a", "escaped"]]); Object.assign(__proto__, a)',
);
test('random freezes, and is no function of the load (issue 824)', escape, 'random()', 'randomInt(1, 5)', 'pickRandom([1, 2])', 'now()');
test(
  'simplify and derivative, which may not come to an end (3.13.0)',
  escape,
  'simplify("x + x")',
  'derivative("x^2", "x")',
  'rationalize("x")',
  'leafCount("x")',
  'resolve("x")',
  'symbolicEqual("x", "x")',
);
test(
  'what takes time without end: factorials, ranges, primes, big numbers',
  escape,
  '170!',
  'factorial(1e9)',
  'gamma(1e9)',
  'combinations(1e9, 5e8)',
  'isPrime(9007199254740991)',
  'xgcd(1e15, 7)',
  'sum(1:1e9)',
  '1:1e9',
  'bignumber(10) ^ 1e9',
  'bigint("9")^bigint("9")',
  'fraction(1, 3)',
  'bernoulli(1e6)',
  'stirlingS2(1e6, 5)',
  'nthRoot(2, 1e9)',
);
test(
  'what takes memory without end: matrices and strings',
  escape,
  'zeros(1e5, 1e5)',
  'ones(1e9)',
  'identity(1e6)',
  'range(0, 1e9)',
  '[1, 2; 3, 4]',
  'resize([1], [1e9])',
  'concat("a", "b")',
  'kron([1], [1])',
  'sparse()',
  'matrix()',
);
test(
  'units, complex numbers and other things that are no count',
  escape,
  '5 cm',
  'unit("5 cm")',
  '5 inch to cm',
  '2i',
  'sqrt(-4)',
  'complex(1, 2)',
  '"7"',
  '[7]',
  '{a: 7}',
  'true',
  'null',
  'Infinity',
  'NaN',
  'e',
  'pi',
  '# a comment',
);
test(
  'too long, too deep, too wide',
  escape,
  `${'('.repeat(499)}1${')'.repeat(499)}`,
  `${'-'.repeat(999)}1`,
  `${'1^'.repeat(499)}1`,
  `${'1?1:'.repeat(249)}1`,
  `${'max('.repeat(199)}1${')'.repeat(199)}`,
  `max(${'1,'.repeat(490)}1)`,
  '!'.repeat(999),
  `1${' '.repeat(1000)}`,
);

test('powers of powers end at once and hold', (t) => {
  const formula = '9 ^ 9 ^ 9 ^ 9 ^ rps';
  t.regex(formulas.check(formula) ?? '', /no finite number/);
  t.is(formulas.lookup('exp(exp(exp(exp(rps))))')?.evaluate(new Map([['rps', 50]])), undefined);
});

const tokens = [
  ...[
    'rps',
    'concurrency',
    'held',
    'ready',
    'starting',
    '1',
    '2.5',
    '1e308',
    '0',
    '+',
    '-',
    '*',
    '/',
    '%',
    '^',
    '<',
    '>=',
    '==',
    'and',
    'or',
    'not',
    '?',
    ':',
    ',',
    '(',
    ')',
    '(',
    ')',
  ],
  ...[
    'min',
    'max',
    'ceil',
    'floor',
    'round',
    'abs',
    'sqrt',
    'log',
    'exp',
    'clamp',
    '.',
    '[',
    ']',
    '{',
    '}',
    '=',
    ';',
    '"',
    "'",
    '!',
    'constructor',
    '__proto__',
    'cm',
    'i',
    ' ',
    '\n',
    '\\',
    '#',
  ],
];
const sane = fc.letrec<{ formula: string }>((tie) => ({
  formula: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom('rps', 'held', 'ready', '1', '0.5', '7'),
    fc.tuple(tie('formula'), fc.constantFrom('+', '-', '*', '/', '%', '^'), tie('formula')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(fc.constantFrom('max', 'min', 'round', 'log'), tie('formula'), tie('formula')).map(([f, a, b]) => `${f}(${a}, ${b})`),
    fc.tuple(tie('formula'), tie('formula'), tie('formula')).map(([a, b, c]) => `(${a} > ${b} ? ${c} : clamp(${a}, ${b}, ${c}))`),
  ),
})).formula;
const someNumber = fc.oneof(fc.double(), fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300));

test('whatever is written, reading it does not throw, and what is accepted gives a finite number or nothing', (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(fc.constantFrom(...tokens), { maxLength: 25 }).map((parts) => parts.join('')),
        sane,
      ),
      fc.array(someNumber, { minLength: 6, maxLength: 6 }),
      (formula, values) => {
        const known = formulas.check(formula) === undefined ? formulas.lookup(formula) : undefined;
        if (known === undefined) return;
        accepted += 1;
        const count = known.evaluate(new Map(known.names.map((name, index) => [name, values[index] ?? 0])));
        t.true(count === undefined || Number.isFinite(count), formula);
      },
    ),
    { numRuns: 1000 },
  );
  t.true(accepted > 100);
  t.false('escaped' in globalThis);
});
