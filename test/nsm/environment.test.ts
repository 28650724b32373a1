import assert from "node:assert/strict";
import fc from "fast-check";
import {
  firstNamed,
  firstOf,
  labelsOf,
  listOf,
  parseGoBool,
  parseGoDuration,
  parseTimeout,
} from "@networkservicemesh/sdk-ts";

const UNIT_NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  "\u00b5s": 1000n,
  "\u03bcs": 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** Digits before and after the point, one of them at least, and the unit. */
const part = fc
  .record({
    whole: fc.option(fc.integer({ min: 0, max: 9999 }), { nil: undefined }),
    fraction: fc.option(fc.stringMatching(/^[0-9]{0,12}$/), { nil: undefined }),
    unit: fc.constantFrom(...Object.keys(UNIT_NS)),
  })
  .filter(({ whole, fraction }) => whole !== undefined || (fraction ?? "") !== "");

type Part = typeof part extends fc.Arbitrary<infer T> ? T : never;

const textOf = ({ whole, fraction, unit }: Part): string =>
  `${whole ?? ""}${fraction === undefined ? "" : `.${fraction}`}${unit}`;

/** Exact: a fraction of a nanosecond is cut off. */
function nanosecondsOf({ whole = 0, fraction = "", unit }: Part): bigint {
  const one = UNIT_NS[unit] ?? 0n;
  return BigInt(whole) * one + (BigInt(fraction || "0") * one) / 10n ** BigInt(fraction.length);
}

describe("nsm: settings of the environment", () => {
  const times: [string, number][] = [
    ["0", 0],
    ["+0", 0],
    ["0s", 0],
    ["15s", 15_000],
    ["+15s", 15_000],
    ["1h2m3.5s", 3_723_500],
    [".5s", 500],
    ["1.s", 1000],
    ["1.005s", 1005],
    ["100\u00b5s", 0.1],
    ["100\u03bcs", 0.1],
    ["100us", 0.1],
    ["1ns", 1e-6],
    ["0.9ns", 0],
    ["1m1m", 120_000],
    ["2562047h47m16s", 9_223_372_036_000],
    ["1.00000000000000000000000000000000000000000000000000s", 1000],
  ];
  for (const [text, ms] of times)
    it(`${JSON.stringify(text)} is ${ms} ms`, () => assert.equal(parseGoDuration(text), ms));

  it("what Go does not take is no duration, and what is negative neither", () => {
    const bad = ["", "+", "-0", "-1s", "5", "s", ".", ".s", "1 s", " 1s", "1d", "1sx", "x1s", "1..5s", "1s5", "1e3s"];
    for (const text of [...bad, "2562048h", "9".repeat(400) + "h", "Infinity", "+-1s", "1S"])
      assert.equal(parseGoDuration(text), undefined, text);
  });

  it("of parts that come in any order and number, their sum", () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const ms = parseGoDuration(parts.map(textOf).join(""));
        const exact = parts.reduce((sum, one) => sum + nanosecondsOf(one), 0n);
        const offNs = Math.abs((ms ?? NaN) * 1e6 - Number(exact));
        // A double rounds: a nanosecond of each fraction, and what is beyond 2^53.
        assert.ok(offNs <= parts.length + Number(exact) * 1e-15, `${ms} ms, ${exact} ns`);
      }),
    );
  });

  it("of any text, a time that is not negative or nothing", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+.0-9nuµμmsh ]{0,12}$/)), (text) => {
        const ms = parseGoDuration(text);
        assert.ok(ms === undefined || ms >= 0);
        if (/^[^+]*-|^$|\s|\d$/.test(text) && !/^\+?0$/.test(text)) assert.equal(ms, undefined);
      }),
    );
  });

  it("a timeout is 1 ms at least and 10 years at most", () => {
    for (const [text, ms] of [
      ["1ns", 1],
      ["1.4ms", 1],
      ["1.5ms", 2],
      [" 5s ", 5000],
      ["87600h", 315_360_000_000],
    ] as const)
      assert.equal(parseTimeout(text), ms, text);
    for (const text of ["0", "0s", "-1s", "x", "", "87601h"]) assert.equal(parseTimeout(text), undefined, text);
  });

  it("truths", () => {
    for (const text of ["1", "t", "T", "true", "True", "TRUE"]) assert.equal(parseGoBool(text), true, text);
    for (const text of ["0", "f", "F", "false", "False", "FALSE"]) assert.equal(parseGoBool(text), false, text);
    for (const text of ["", "yes", "no", "on", "2", " true", "truee"]) assert.equal(parseGoBool(text), undefined, text);
  });

  it("the first variable that is not blank", () => {
    const env = { A: undefined, B: " ", C: " c ", D: "d" };
    assert.equal(firstOf(env, "X", "A", "B", "C", "D"), "c");
    assert.deepEqual(firstNamed(env, "B", "C"), { name: "C", value: "c" });
    assert.equal(firstOf(env, "A", "B", "X"), undefined);
    assert.equal(firstOf(env), undefined);
  });

  it("lists, with commas and blanks between", () => {
    assert.deepEqual(listOf(" a, b\tc,,d\n"), ["a", "b", "c", "d"]);
    for (const text of [undefined, "", " , ,"]) assert.equal(listOf(text), undefined);
  });

  it("labels, of any name", () => {
    const wrong = (entry: string) => new RangeError(entry);
    const labels = labelsOf(["a=1", "b:2", "c=x=y:z", "d=", "a=3", "__proto__=p"], wrong);
    assert.deepEqual(Object.entries(labels), [
      ...[
        ["a", "3"],
        ["b", "2"],
        ["c", "x=y:z"],
        ["d", ""],
      ],
      ["__proto__", "p"],
    ]);
    for (const bad of ["a", "", "=1", ":1"]) assert.throws(() => labelsOf(["x=1", bad], wrong), new RangeError(bad));
  });
});
