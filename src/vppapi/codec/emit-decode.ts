import type { Field, ScalarName, Type } from "./types.ts";
import { minimumSize } from "./types.ts";

/**
 * Writes the decoder of one message as JavaScript. Generated code rather than a tree of closures: an object literal with
 * reads at constant offsets decodes a `sw_interface_details` three times as fast, and every object of a message has one
 * hidden class. Names in the code are C identifiers (json.ts checks) and quoted.
 *
 * Conventions in the code: `b` bytes, `p` start, `n` end, `E` where the last variable-sized read ended, `H` runtime.ts,
 * `K` constants that have no literal.
 */
export class DecodeEmitter {
  readonly lines: string[] = [];
  readonly constants: unknown[] = [];
  readonly #functions = new Map<Type, string>();

  /** @returns the name of a function `(b, p, n) => object` */
  message(fields: readonly Field[]): string {
    return this.#blockFunction("decode", fields);
  }

  /** `(b, p, n) => value`; fixed types do no bounds check (the caller has), variable ones set E. */
  #function(type: Type): string {
    const known = this.#functions.get(type);
    if (known !== undefined) return known;
    const name = `d${this.#functions.size}`;
    this.#functions.set(type, name);
    if (type.kind === "struct" && type.size === undefined) return this.#blockFunction(name, type.fields);
    if (type.size === undefined) {
      this.lines.push(
        `function ${name}(b, p, n) { let q = p; ${this.#variable(type, "q", '""', "x")} E = q; return x; }`,
      );
    } else if (type.kind === "struct") {
      this.lines.push(`function ${name}(b, p) { return ${this.#literal(type.fields, "p", 0)}; }`);
    } else {
      this.lines.push(`function ${name}(b, p) { return ${this.#fixed(type, "p", 0)}; }`);
    }
    return name;
  }

  /** Fixed fields are read in runs with one bounds check each; variable ones move `q`. */
  #blockFunction(name: string, fields: readonly Field[]): string {
    const body: string[] = ["let q = p;"];
    const entries: string[] = [];
    let run: Field[] = [];
    const flush = (): void => {
      const size = run.reduce((sum, field) => sum + (field.type.size ?? 0), 0);
      if (run.length === 0) return;
      body.push(`if (n - q < ${size}) H.short(K[${this.constants.push(run) - 1}], q, n);`);
      let offset = 0;
      for (const field of run) {
        body.push(`const v_${field.name} = ${this.#fixed(field.type, "q", offset)};`);
        offset += field.type.size ?? 0;
      }
      body.push(`q += ${size};`);
      run = [];
    };
    for (const field of fields) {
      entries.push(`${JSON.stringify(field.name)}: v_${field.name}`);
      if (field.type.size !== undefined) run.push(field);
      else {
        flush();
        body.push(this.#variable(field.type, "q", JSON.stringify(field.name), `v_${field.name}`));
      }
    }
    flush();
    this.lines.push(`function ${name}(b, p, n) { ${body.join("\n  ")}\n  E = q; return { ${entries.join(", ")} }; }`);
    return name;
  }

  /** Statements that define `to` and move `q`; `path` is the field's name as a JavaScript expression. */
  #variable(type: Type, q: string, path: string, to: string): string {
    const self = `K[${this.constants.push([{ name: JSON.parse(path) as string, type }]) - 1}]`;
    if (type.kind === "variableText") {
      return (
        `if (n - ${q} < 4) H.short(${self}, ${q}, n); const l_${to} = ${scalarRead("u32", q, 0)}; ` +
        `H.checkCount(${q} + 4, n, l_${to}, 1, ${path}); ` +
        `const ${to} = H.variableText(b, ${q} + 4, ${q} + 4 + l_${to}); ${q} += 4 + l_${to};`
      );
    }
    if (type.kind === "struct") {
      return `let ${to}; try { ${to} = ${this.#function(type)}(b, ${q}, n); } catch (e) { throw H.at(e, ${path}); } ${q} = E;`;
    }
    if (type.kind === "variableArray") return this.#variableArray(type, q, path, to);
    if (type.kind === "array") return this.#elements(type.of, String(type.length), q, path, to);
    throw new Error(`no variable ${type.kind}`);
  }

  #variableArray(type: Extract<Type, { kind: "variableArray" }>, q: string, path: string, to: string): string {
    const size = type.of.size;
    const rest = `Math.floor((n - ${q}) / ${size ?? Math.max(1, minimumSize(type.of))})`;
    const count = type.countField === undefined ? rest : `v_${type.countField}`;
    if (size === undefined) return this.#elements(type.of, count, q, path, to);
    const read =
      type.of.kind === "scalar" && type.of.scalar === "u8"
        ? `H.bytes(b, ${q}, c_${to})`
        : `H.fixedArray(b, ${q}, c_${to}, ${size}, ${this.#function(type.of)})`;
    return `const c_${to} = ${count}; H.checkCount(${q}, n, c_${to}, ${size}, ${path}); const ${to} = ${read}; ${q} += c_${to} * ${size};`;
  }

  /** Elements that vary in size, one after the other. */
  #elements(of: Type, count: string, q: string, path: string, to: string): string {
    return (
      `const ${to} = []; H.checkCount(${q}, n, ${count}, ${minimumSize(of)}, ${path}); ` +
      `for (let i = 0, c = ${count}; i < c; i++) { try { ${to}.push(${this.#function(of)}(b, ${q}, n)); } ` +
      `catch (e) { throw H.at(H.at(e, "[" + i + "]"), ${path}); } ${q} = E; }`
    );
  }

  #literal(fields: readonly Field[], base: string, offset: number): string {
    const entries: string[] = [];
    for (const field of fields) {
      entries.push(`${JSON.stringify(field.name)}: ${this.#fixed(field.type, base, offset)}`);
      offset += field.type.size ?? 0;
    }
    return `{ ${entries.join(", ")} }`;
  }

  /** An expression that reads a type of fixed size. */
  #fixed(type: Type, base: string, offset: number): string {
    const where = `${base} + ${offset}`;
    switch (type.kind) {
      case "scalar":
        return scalarRead(type.scalar, base, offset);
      case "bytes":
        return `H.bytes(b, ${where}, ${type.size})`;
      case "text":
        return `H.text(b, ${where}, ${where} + ${type.size})`;
      case "struct":
        return `${this.#function(type)}(b, ${where})`;
      case "union":
        // Every arm lies at the union's start.
        return `{ ${type.arms
          .map((arm) => `${JSON.stringify(arm.name)}: ${this.#fixed(arm.type, base, offset)}`)
          .join(", ")} }`;
      case "array": {
        const size = type.of.size ?? 0;
        if (type.length <= 4) {
          const items = Array.from({ length: type.length }, (_, i) => this.#fixed(type.of, base, offset + i * size));
          return `[${items.join(", ")}]`;
        }
        return `H.fixedArray(b, ${where}, ${type.length}, ${size}, ${this.#function(type.of)})`;
      }
      default:
        throw new Error(`${type.kind} is not of fixed size`);
    }
  }
}

function scalarRead(scalar: ScalarName, base: string, offset: number): string {
  const at = (i: number): string => `b[${base} + ${offset + i}]`;
  const word = `${at(0)} << 24 | ${at(1)} << 16 | ${at(2)} << 8 | ${at(3)}`;
  switch (scalar) {
    case "u8":
      return at(0);
    case "i8":
      return `(${at(0)} << 24 >> 24)`;
    case "bool":
      return `(${at(0)} !== 0)`;
    case "u16":
      return `(${at(0)} << 8 | ${at(1)})`;
    case "i16":
      return `(${at(0)} << 24 >> 16 | ${at(1)})`;
    case "u32":
      return `((${word}) >>> 0)`;
    case "i32":
      return `(${word})`;
    case "u64":
    case "i64":
    case "f64":
      return `H.${scalar}(b, ${base} + ${offset})`;
  }
}
