/** VLAN sub-interfaces, tag rewrite, cross-connects (VPP src/vnet/interface_cli.c, src/vnet/l2/l2_vtr.c, l2_input.c). */
import { SubFlag } from "../../l2/sub-interfaces.ts";
import { TagOp, type TagRewriteView } from "../../l2/tag-rewrite.ts";
import type { Interface } from "../../model.ts";
import { createSubInterface, deleteSubInterface } from "../../sub-interface.ts";
import { interfaceName, needInterface, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import type { Input } from "../unformat.ts";

/** vnet/error.h. */
const VLAN_ALREADY_EXISTS = -56;
/** Most sub-interfaces of one line: each VLAN once. */
const MAX_RANGE = 4096;

interface Wanted {
  readonly first: number;
  readonly last: number;
  readonly flags: number;
  readonly outerVlan: number;
  readonly innerVlan: number;
}

/** parse_vlan_sub_interfaces: what follows `dot1q` or `dot1ad`. */
function tagsOf(input: Input, first: number, dot1ad: number): Wanted {
  const { oneTag, twoTags, outerAny, innerAny } = SubFlag;
  const wanted = (flags: number, outerVlan = 0, innerVlan = 0): Wanted => ({
    ...{ first, last: first, outerVlan: outerVlan & 0xffff, innerVlan: innerVlan & 0xffff },
    flags: flags | dot1ad | (input.match("exact-match") ? SubFlag.exactMatch : 0),
  });
  if (input.match("any inner-dot1q any")) return wanted(twoTags | outerAny | innerAny);
  if (input.match("any")) return wanted(oneTag | outerAny);
  const [anyInner] = input.read("%d inner-dot1q any") ?? [];
  if (anyInner !== undefined) return wanted(twoTags | innerAny, anyInner);
  const pair = input.read("%d inner-dot1q %d");
  if (pair !== undefined) return wanted(twoTags, ...pair);
  const [single] = input.read("%d") ?? refuse(`expected dot1q config, got \`${input.error()}'`);
  return wanted(oneTag, single);
}

function parseSub(input: Input): Wanted {
  const { oneTag, exactMatch, noTags } = SubFlag;
  const one = (first: number, flags: number, outerVlan = 0): Wanted => ({
    ...{ first: first >>> 0, last: first >>> 0, flags, outerVlan: outerVlan & 0xffff, innerVlan: 0 },
  });
  const [byDefault] = input.read("%d default") ?? [];
  if (byDefault !== undefined) return one(byDefault, SubFlag.default);
  const [untagged] = input.read("%d untagged") ?? [];
  if (untagged !== undefined) return one(untagged, noTags | exactMatch);
  const [dot1q] = input.read("%d dot1q") ?? [];
  if (dot1q !== undefined) return tagsOf(input, dot1q >>> 0, 0);
  const [dot1ad] = input.read("%d dot1ad") ?? [];
  if (dot1ad !== undefined) return tagsOf(input, dot1ad >>> 0, SubFlag.dot1ad);
  const range = input.read("%d-%d");
  if (range !== undefined && range[0] >>> 0 <= range[1] >>> 0)
    return { ...one(range[0], oneTag | exactMatch, range[0]), last: range[1] >>> 0 };
  const [id] = (range === undefined ? input.read("%d") : undefined) ?? [];
  if (id === undefined) return refuse(`expected ID or ID MIN-MAX, got \`${input.error()}'`);
  return one(id, oneTag | exactMatch, id);
}

function createSubs(context: CliContext, input: Input): void {
  const { dp, out } = context;
  const sup = input.user(hardwareName(context)) ?? refuse(`unknown interface \`${input.error()}'`);
  const { first, last, flags, outerVlan, innerVlan } = parseSub(input);
  if (last - first >= MAX_RANGE) refuse(`at most ${MAX_RANGE} sub-interfaces at once`);
  for (let id = first; id <= last; id += 1) {
    const vlan = first < last ? id & 0xffff : outerVlan;
    const made = createSubInterface(dp, sup, { id, flags, outerVlan: vlan, innerVlan });
    // What is there already is passed over.
    if (made.retval === VLAN_ALREADY_EXISTS) continue;
    if (made.retval !== 0) refuse(made.reason ?? `error ${made.retval}`);
    out(dp.interfaces.get(made.swIfIndex)?.name ?? "");
  }
}

/** `unformat_vnet_hw_interface`: sub-interfaces are none. */
export function hardwareName({ dp }: CliContext): ReturnType<typeof interfaceName> {
  const named = interfaceName(dp);
  return (input) => {
    const known = (inner: Input): Interface | undefined => {
      const one = named(inner);
      return one?.sup === undefined ? one : undefined;
    };
    return input.read("%U", known)?.[0];
  };
}

function deleteSub({ dp }: CliContext, input: Input): void {
  let found: Interface | undefined;
  while (!input.atEnd()) {
    const [one] = input.read("%U", interfaceName(dp)) ?? [];
    if (one === undefined) break;
    found = one;
  }
  if (found === undefined) refuse("interface doesn't exist");
  if (deleteSubInterface(dp, found.swIfIndex) !== 0) refuse("delete_subinterface_interface failed");
}

/** Operation, tag count and words, in VPP's order of trying. */
const REWRITES: readonly (readonly [words: string, op: number, tags: 1 | 2])[] = [
  ["push", TagOp.push2, 2],
  ["push", TagOp.push1, 1],
  ["translate 1-1", TagOp.translate11, 1],
  ["translate 2-1", TagOp.translate21, 1],
  ["translate 2-2", TagOp.translate22, 2],
  ["translate 1-2", TagOp.translate12, 2],
];

function parseRewrite(input: Input): { op: number; isDot1q: boolean; tag1: number; tag2: number } {
  const plain = (op: number) => ({ op, isDot1q: false, tag1: 0, tag2: 0 });
  if (input.match("disable")) return plain(TagOp.disabled);
  if (input.match("pop 1")) return plain(TagOp.pop1);
  if (input.match("pop 2")) return plain(TagOp.pop2);
  for (const [words, op, tags] of REWRITES) {
    for (const type of ["dot1q", "dot1ad"]) {
      const isDot1q = type === "dot1q";
      const two = tags === 2 ? input.read(`${words} ${type} %d %d`) : undefined;
      if (two !== undefined) return { op, isDot1q, tag1: Number(two[0]), tag2: Number(two[1]) };
      const one = tags === 1 ? input.read(`${words} ${type} %d`) : undefined;
      if (one !== undefined) return { op, isDot1q, tag1: Number(one[0]), tag2: 0 };
    }
  }
  return refuse(
    "expecting [disable | pop 1 | pop 2 | push {dot1q|dot1ah} <tag> [<tag>]\n" +
      ` | translate {1|2}-{1|2} {dot1q|dot1ah} <tag> [<tag>]] but got \`${input.error()}'`,
  );
}

function setRewrite(context: CliContext, input: Input): void {
  const one = needInterface(context, input);
  const { op, isDot1q, tag1, tag2 } = parseRewrite(input);
  if (context.dp.bridges.setRewrite(one, op, isDot1q, tag1, tag2) !== 0)
    refuse("vlan tag rewrite is not compatible with interface");
}

const OP_WORDS: Readonly<Record<number, string>> = {
  [TagOp.push1]: "push-1",
  [TagOp.push2]: "push-2",
  [TagOp.pop1]: "pop-1",
  [TagOp.pop2]: "pop-2",
  [TagOp.translate11]: "trans-1-1",
  [TagOp.translate12]: "trans-1-2",
  [TagOp.translate21]: "trans-2-1",
  [TagOp.translate22]: "trans-2-2",
};

/** format_vtr. */
export function rewriteText(view: TagRewriteView | undefined): string {
  const words = view === undefined ? undefined : OP_WORDS[view.op];
  if (view === undefined || words === undefined) return "none";
  if (view.op === TagOp.pop1 || view.op === TagOp.pop2) return words;
  const hasTwo = [TagOp.push2, TagOp.translate12, TagOp.translate22].some((op) => op === view.op);
  return `${words} ${view.isDot1q ? "dot1q" : "dot1ad"} ${view.tag1}${hasTwo ? ` ${view.tag2}` : ""}`;
}

function crossConnect(context: CliContext, input: Input): void {
  const { dp } = context;
  const one = needInterface(context, input);
  const peer = input.user(interfaceName(dp)) ?? refuse(`unknown peer interface \`${input.error()}'`);
  dp.bridges.crossConnect(one.swIfIndex, peer.swIfIndex);
}

export const vlanCommands: readonly CliCommand[] = [
  {
    path: "create sub-interfaces",
    help:
      "create sub-interfaces <interface> {<subId> [default|untagged]} | {<subId>-<subId>} | " +
      "{<subId> dot1q|dot1ad <vlanId>|any [inner-dot1q <vlanId>|any] [exact-match]}",
    run: createSubs,
  },
  { path: "delete sub-interface", help: "delete sub-interface <interface>", run: deleteSub },
  {
    path: "set interface l2 tag-rewrite",
    help: "set interface l2 tag-rewrite <interface> [disable | pop {1|2} | push {dot1q|dot1ad} <tag> <tag>]",
    run: setRewrite,
  },
  {
    path: "set interface l2 xconnect",
    help: "set interface l2 xconnect <interface> <peer interface>",
    run: crossConnect,
  },
];
