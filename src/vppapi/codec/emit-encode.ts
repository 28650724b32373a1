import { minimumSize } from "./types.ts";
import type { Field, ScalarName, StructType, Type } from "./types.ts";

const puts: Readonly<Record<ScalarName, string>> = {
  u8: "H.putU8",
  u16: "H.putU16",
  u32: "H.putU32",
  u64: "H.putU64",
  i8: "H.putI8",
  i16: "H.putI16",
  i32: "H.putI32",
  i64: "H.putI64",
  f64: "H.putF64",
  bool: "H.putBool",
};

/**
 * Writes the encoder of one message as JavaScript: `write(b, p, v) => end` into zeroed memory, and `size(v)`.
 * A missing field keeps its zeros, or takes the default of its definition. Each function keeps the field that it is at
 * in `f`, so that an error names its path and a good value costs nothing.
 */
export class EncodeEmitter {
  readonly lines: string[] = [];
  readonly #functions = new Map<Type, string>();
  readonly #sizes = new Map<Type, string>();

  message(fields: readonly Field[]): void {
    this.#block("write", fields, "");
    this.lines.push(`function size(v) { return ${this.#blockSize(fields)}; }`);
  }

  /** A function `(b, p, v) => end` for any type that has no single put. */
  #function(type: Type): string {
    if (type.kind === "scalar") return puts[type.scalar];
    const known = this.#functions.get(type);
    if (known !== undefined) return known;
    const name = `w${this.#functions.size}`;
    this.#functions.set(type, name);
    if (type.kind === "struct") this.#struct(name, type);
    else if (type.kind === "union") this.#union(name, type.arms, type.size);
    else this.lines.push(`function ${name}(b, p, v) { let q = p, x = v; ${this.#put(type)} return q; }`);
    return name;
  }

  #struct(name: string, type: StructType): void {
    const text = type.text === undefined ? "" : `if (typeof v === "string") v = H.fromText.${type.text}(v); `;
    this.#block(name, type.fields, text);
  }

  #block(name: string, fields: readonly Field[], before: string): void {
    const body = fields.map((field) => this.#field(field));
    this.lines.push(
      `function ${name}(b, p, v) { let f = "", q = p, x; try { ${before}` +
        `if (v === undefined) v = H.empty; else H.object(v);\n  ${body.join("\n  ")}\n  return q; ` +
        `} catch (e) { throw H.at(e, f); } }`,
    );
  }

  #field(field: Field): string {
    const key = JSON.stringify(field.name);
    const begin = `f = ${key}; x = v[${key}];`;
    if (field.countOf !== undefined) {
      return `${begin} x = H.checkGiven(x, H.arrayLength(v[${JSON.stringify(field.countOf)}])); ${this.#put(field.type)}`;
    }
    const value = field.defaultValue;
    const literal = typeof value === "bigint" ? `${value}n` : String(value);
    return `${begin}${value === undefined ? "" : ` if (x === undefined) x = ${literal};`} ${this.#put(field.type)}`;
  }

  /** Statements that write `x` at `q` and move `q`. */
  #put(type: Type): string {
    switch (type.kind) {
      case "scalar":
        return `if (x !== undefined) ${puts[type.scalar]}(b, q, x); q += ${type.size};`;
      case "text":
        return `if (x !== undefined) H.putText(b, q, ${type.size}, x); q += ${type.size};`;
      case "bytes": {
        const text = type.text === undefined ? "" : `if (typeof x === "string") x = H.fromText.${type.text}(x); `;
        return `if (x !== undefined) { ${text}H.putBytes(b, q, ${type.size}, x); } q += ${type.size};`;
      }
      case "struct":
        if (type.size === undefined) return `q = ${this.#function(type)}(b, q, x);`;
        return `${type.hasDefaults ? "" : "if (x !== undefined) "}${this.#function(type)}(b, q, x); q += ${type.size};`;
      case "union":
        return `if (x !== undefined) ${this.#function(type)}(b, q, x); q += ${type.size};`;
      case "variableText":
        return `q = H.putVariableText(b, q, x);`;
      case "array":
        return this.#putArray(type);
      case "variableArray":
        return this.#putVariableArray(type.of);
    }
  }

  #putArray(type: Extract<Type, { kind: "array" }>): string {
    const call = this.#function(type.of);
    if (type.of.size === undefined) {
      return `{ const a = x === undefined ? [] : H.array(x); H.checkGiven(a.length, ${type.length}); ${elementLoop(call)} }`;
    }
    const hasDefaults = type.of.kind === "struct" && type.of.hasDefaults;
    const call5 = `H.putFixedArray(b, q, ${type.length}, ${type.of.size}, x, ${call}, ${hasDefaults});`;
    return `${hasDefaults ? "" : "if (x !== undefined) "}${call5} q += ${type.size};`;
  }

  #putVariableArray(of: Type): string {
    if (of.kind === "scalar" && of.scalar === "u8") {
      return `if (x !== undefined) { const s = H.byteSource(x); b.set(s, q); q += s.length; }`;
    }
    const call = this.#function(of);
    if (of.size === undefined) return `if (x !== undefined) { const a = H.array(x); ${elementLoop(call)} }`;
    return `if (x !== undefined) { H.putFixedArray(b, q, H.array(x).length, ${of.size}, x, ${call}, false); q += x.length * ${of.size}; }`;
  }

  /** Any one arm may be given; of several the longest wins, as it holds the bytes of the others. */
  #union(name: string, arms: readonly Field[], size: number): void {
    const bySize = [...arms].sort((a, b) => (b.type.size ?? 0) - (a.type.size ?? 0));
    const tries = bySize.map((arm) => {
      const key = JSON.stringify(arm.name);
      return `f = ${key}; x = v[${key}]; if (x !== undefined) { ${this.#put(arm.type)} return p + ${size}; }`;
    });
    this.lines.push(
      `function ${name}(b, p, v) { let f = "", q = p, x; try { H.object(v); ${tries.join("\n  ")} ` +
        `f = ""; return p + ${size}; } catch (e) { throw H.at(e, f); } }`,
    );
  }

  #blockSize(fields: readonly Field[]): string {
    let fixed = 0;
    const variable: string[] = [];
    for (const field of fields) {
      if (field.type.size !== undefined) fixed += field.type.size;
      else variable.push(this.#variableSize(field.type, `v[${JSON.stringify(field.name)}]`));
    }
    return [String(fixed), ...variable].join(" + ");
  }

  #variableSize(type: Type, x: string): string {
    switch (type.kind) {
      case "variableText":
        return `4 + H.textLength(${x})`;
      case "variableArray":
      case "array":
        if (type.of.size !== undefined) return `H.arrayLength(${x}) * ${type.of.size}`;
        return `${this.#size(type)}(${x})`;
      default:
        return `${this.#size(type)}(${x})`;
    }
  }

  /** A function that gives the size of a value; wrong values get any size, as `write` refuses them. */
  #size(type: Type): string {
    const known = this.#sizes.get(type);
    if (known !== undefined) return known;
    const name = `s${this.#sizes.size}`;
    this.#sizes.set(type, name);
    let body: string;
    if (type.kind === "struct") {
      body = `if (typeof v !== "object" || v === null) return ${minimumSize(type)}; return ${this.#blockSize(type.fields)};`;
    } else if (type.kind === "array" || type.kind === "variableArray") {
      body =
        `let s = 0; if (Array.isArray(v)) for (const e of v) s += ${this.#variableSize(type.of, "e")}; ` +
        `return Math.max(s, ${minimumSize(type)});`;
    } else {
      body = `return ${this.#variableSize(type, "v")};`;
    }
    this.lines.push(`function ${name}(v) { ${body} }`);
    return name;
  }
}

function elementLoop(call: string): string {
  return `let i = 0; try { for (; i < a.length; i++) q = ${call}(b, q, a[i]); } catch (e) { throw H.at(e, "[" + i + "]"); }`;
}
