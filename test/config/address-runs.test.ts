import assert from "node:assert/strict";
import fc from "fast-check";
import { parseWhole, parseYaml } from "../../src/config/locate.ts";

const run = (indent: number, count: number, of = (i: number) => `10.0.${i >> 8}.${i & 255}`): string =>
  Array.from({ length: count }, (_, i) => `${" ".repeat(indent)}- ${of(i)}\n`).join("");

/** What a text is read as with long lists of addresses folded, and without that. */
function same(text: string): void {
  const [folded, whole] = [parseYaml(text), parseWhole(text)];
  assert.deepEqual([folded.value, folded.errors], [whole.value, whole.errors], text);
}

/** Lines that change what the lines around them mean. */
const line = fc.oneof(
  fc.constantFrom(
    "a:",
    "b: |",
    "c: >-",
    "- x: 1",
    "  d:",
    "    e:",
    "  - y",
    "  more",
    "# comment",
    "",
    "- |",
    "'open",
  ),
  fc.constantFrom(
    "f: &r",
    "g: *r",
    "  - *r",
    "h: [1,",
    "]",
    "---",
    "...",
    "  - 10.0.0.1",
    "  - 10.0.0.1 # c",
    "? k",
    "\t- x",
  ),
);
const piece = fc.oneof(
  { weight: 3, arbitrary: line.map((text) => `${text}\n`) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(3), fc.integer({ min: 14, max: 40 })).map(([at, n]) => run(2 * at, n)) },
);

describe("long lists of addresses", () => {
  it("are read as any YAML, wherever they stand", () => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
        same,
      ),
      { numRuns: 500 },
    );
  });

  it("are lists, with what comes before and after; text and keys stay what they are", () => {
    for (const text of [
      `vips:\n  - servers:\n${run(6, 20)}      - { address: 10.9.9.9 }\n${run(6, 30)}`,
      `a: |\n${run(2, 20)}b: 1\n`,
      `a:\n${run(2, 20)}  and more\n`,
      `a: &r\n${run(2, 20)}b: *r\nc: *r\n`,
      `a:\n${run(2, 20, (i) => `2001:db8::${i.toString(16)}`)}b: 1\n`,
      `a:\n${run(2, 20)}b: "\uE000run 0"\n`,
      `a:\n${run(2, 20)}a: 1\n`,
    ])
      same(text);
    const { value } = parseYaml(`a:\n${run(2, 20)}b:\n${run(0, 17)}`);
    const lengths = Object.values(value as Record<string, unknown[]>).map((list) => list.length);
    assert.deepEqual(lengths, [20, 17]);
  });

  it("know where their items stand", () => {
    const text = `a:\n${run(2, 300)}b:\n  c: 1\n`;
    for (const path of [["a", 0], ["a", 299], ["b", "c"], ["a"]])
      assert.deepEqual(parseYaml(text).at(path), parseWhole(text).at(path), path.join());
    assert.deepEqual(parseYaml(text).at(["a", 299]), { line: 301, column: 5 });
  });
});
