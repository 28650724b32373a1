import { Document, isMap, isSeq, type Node } from "yaml";

/** A configuration that came from elsewhere, as text, with what could not be carried over. */
export interface Imported {
  /** A lb.yaml. */
  readonly yaml: string;
  /** What is not in it, or is other than it was; also in its comments. */
  readonly warnings: readonly string[];
}

/** Lists of these are written one element a line, each short. */
const FLOW_DEPTH = 2;

/** A lb.yaml of plain data: the given order, one line for each interface, route, VIP… Deterministic. */
export function writeYaml(content: Readonly<Record<string, unknown>>, head: readonly string[]): string {
  const document = new Document(content);
  document.commentBefore = head.map((line) => ` ${line}`).join("\n");
  if (isMap(document.contents)) {
    for (const { value } of document.contents.items) flowBelow(value as Node, 1);
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

function flowBelow(node: Node | null, depth: number): void {
  if (isSeq(node)) {
    for (const item of node.items) flowBelow(item as Node, depth + 1);
    if (depth >= FLOW_DEPTH) node.flow = true;
  } else if (isMap(node)) {
    if (depth >= FLOW_DEPTH || depth === 1) node.flow = true;
  }
}
