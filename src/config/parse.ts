import type { DesiredState, Diagnostic } from "../bridge/index.ts";
import { checkAddresses } from "./check-addresses.ts";
import { checkNetwork } from "./check-network.ts";
import { checkNsm } from "./check-nsm.ts";
import { checkSteering } from "./check-steering.ts";
import { checkVips } from "./check-vips.ts";
import { toDesired } from "./desired.ts";
import { Findings } from "./finding.ts";
import { explainIssues } from "./issues.ts";
import { parseYaml } from "./locate.ts";
import { lbFileSchema, type LbFile } from "./schema.ts";

/** A text that was read: `file` and `state` are there exactly when no diagnostic is an error. */
export interface ParsedLbFile {
  readonly file?: LbFile;
  readonly state?: DesiredState;
  /** In the order of the text. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Larger than any configuration; smaller than what hurts. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Reads a lb.yaml: syntax, schema, then meaning. Never throws. */
export function parseLbYaml(text: string): ParsedLbFile {
  try {
    return parse(text);
  } catch (cause) {
    // A running controller reads whatever the file is replaced by: nothing in it may end the process.
    return failure([{ severity: "error", message: `cannot be read: ${(cause as Error).message}`, path: "" }]);
  }
}

function parse(text: string): ParsedLbFile {
  if (text.length > MAX_BYTES)
    return failure([{ severity: "error", message: `more than ${MAX_BYTES} characters`, path: "" }]);
  const yaml = parseYaml(text);
  if (yaml.errors.length > 0) return failure(yaml.errors);
  if (yaml.value === null || yaml.value === undefined) {
    return failure([{ severity: "error", message: "the file is empty: write `vips: []` for no VIPs", path: "" }]);
  }
  const result = lbFileSchema.safeParse(yaml.value);
  if (!result.success) return failure(explainIssues(result.error.issues, yaml));
  const state = toDesired(result.data);
  const found = new Findings(yaml);
  checkVips(result.data, state, found);
  checkAddresses(result.data, state, found);
  checkNetwork(result.data, state, found);
  checkSteering(result.data, state, found);
  checkNsm(result.data, state, found);
  const diagnostics = inOrder(found.list);
  if (diagnostics.some((one) => one.severity === "error")) return { diagnostics };
  return { file: result.data, state, diagnostics };
}

function failure(diagnostics: readonly Diagnostic[]): ParsedLbFile {
  return { diagnostics: inOrder(diagnostics) };
}

function inOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}
