import { read32 } from "../graph/context.ts";
import { intervalOf, intervalOf6, intervals, packRows, type Intervals, type Range } from "./intervals.ts";
import type { FiveTuple } from "./tuple.ts";
import type { AclRule } from "./types.ts";

/** Rules per block: bounds memory (about 2 MB per full block) and keeps a row at 32 words. */
const BLOCK_RULES = 1024;
const TCP = 6;

/** One rule with the place that it is shown by. */
export interface PlacedRule {
  readonly rule: AclRule;
  readonly position: number;
  readonly aclIndex: number;
  readonly ruleIndex: number;
}

/** Rules of one family, in order, cut into bit sets by field. */
interface Block {
  readonly first: number;
  readonly words: number;
  readonly source: Intervals;
  readonly destination: Intervals;
  readonly sourcePort: Intervals;
  readonly destinationPort: Intervals;
  /** Row by protocol; row 0 has the rules for any protocol alone. */
  readonly protocolRow: Uint16Array;
  readonly protocolSets: Int32Array;
  /** 256 mask + value of rules that look at TCP flags, 0 of others. */
  readonly tcpFlags: Uint16Array;
  readonly hasTcpFlags: boolean;
}

/**
 * First-match classification by intersecting per-field bit sets (Lakshman and Stiliadis, SIGCOMM 1998): five binary
 * searches and a scan for the first common bit, whatever the rules. `match` allocates nothing.
 */
export class Classifier {
  readonly #blocks: Block[] = [];
  readonly #isIp4: boolean;

  constructor(rules: readonly AclRule[], isIp4: boolean) {
    this.#isIp4 = isIp4;
    for (let first = 0; first < rules.length; first += BLOCK_RULES)
      this.#blocks.push(makeBlock(rules.slice(first, first + BLOCK_RULES), first, isIp4));
  }

  /**
   * Index of the first rule that matches, -1 if none. Of later fragments only addresses and protocol are compared where
   * `matchFragments`, else only rules for any protocol match; of packets without ports likewise.
   */
  match(bytes: Uint8Array, tuple: FiveTuple, matchFragments: boolean): number {
    const blocks = this.#blocks;
    for (let i = 0; i < blocks.length; i += 1) {
      const found = this.#matchIn(blocks[i]!, bytes, tuple, matchFragments);
      if (found >= 0) return found;
    }
    return -1;
  }

  #matchIn(block: Block, bytes: Uint8Array, tuple: FiveTuple, matchFragments: boolean): number {
    const { words, source, destination, sourcePort, destinationPort } = block;
    const stride = words + 1;
    const at = tuple.addresses;
    let s: number;
    let d: number;
    if (this.#isIp4) {
      s = source.count === 1 ? 0 : intervalOf(source, read32(bytes, at)) * stride;
      d = destination.count === 1 ? 0 : intervalOf(destination, read32(bytes, at + 4)) * stride;
    } else {
      s = intervalOf6(source, bytes, at) * stride;
      d = intervalOf6(destination, bytes, at + 16) * stride;
    }
    const hasProtocol = tuple.l4Valid || (tuple.nonFirstFragment && matchFragments);
    const p = hasProtocol ? block.protocolRow[tuple.protocol]! * stride : 0;
    let sp = sourcePort.all;
    let dp = destinationPort.all;
    if (tuple.l4Valid) {
      if (sourcePort.count > 1) sp = intervalOf(sourcePort, tuple.sourcePort) * stride;
      if (destinationPort.count > 1) dp = intervalOf(destinationPort, tuple.destinationPort) * stride;
    }
    return firstCommon(block, s, d, p, sp, dp, tuple);
  }
}

/** The first rule that is in a row of each field, -1 if none. */
function firstCommon(block: Block, s: number, d: number, p: number, sp: number, dp: number, tuple: FiveTuple): number {
  const { words, protocolSets } = block;
  const sources = block.source.sets;
  const destinations = block.destination.sets;
  const sourcePorts = block.sourcePort.sets;
  const destinationPorts = block.destinationPort.sets;
  const checksFlags = block.hasTcpFlags && tuple.l4Valid && tuple.protocol === TCP;
  let candidates =
    sources[s + words]! &
    destinations[d + words]! &
    protocolSets[p + words]! &
    sourcePorts[sp + words]! &
    destinationPorts[dp + words]!;
  while (candidates !== 0) {
    const word = 31 - Math.clz32(candidates & -candidates);
    candidates &= candidates - 1;
    let common =
      sources[s + word]! &
      destinations[d + word]! &
      protocolSets[p + word]! &
      sourcePorts[sp + word]! &
      destinationPorts[dp + word]!;
    while (common !== 0) {
      const rule = word * 32 + 31 - Math.clz32(common & -common);
      if (!checksFlags || flagsMatch(block.tcpFlags[rule]!, tuple.tcpFlags)) return block.first + rule;
      common &= common - 1;
    }
  }
  return -1;
}

function flagsMatch(maskAndValue: number, flags: number): boolean {
  return (flags & (maskAndValue >> 8)) === (maskAndValue & 0xff);
}

function makeBlock(rules: readonly AclRule[], first: number, isIp4: boolean): Block {
  const words = Math.max(1, Math.ceil(rules.length / 32));
  const ports = (pick: (rule: AclRule) => Range<number>): Intervals =>
    intervals(
      rules.map((rule) => (rule.protocol === 0 ? ANY_PORT : pick(rule))),
      words,
      (value) => (value >= 0xffff ? undefined : value + 1),
    );
  return {
    first,
    words,
    source: addresses(rules, words, isIp4, (rule) => [rule.source, rule.sourceLength]),
    destination: addresses(rules, words, isIp4, (rule) => [rule.destination, rule.destinationLength]),
    sourcePort: ports((rule) => ({ first: rule.sourcePortFirst, last: rule.sourcePortLast })),
    destinationPort: ports((rule) => ({ first: rule.destinationPortFirst, last: rule.destinationPortLast })),
    ...protocols(rules, words),
    ...tcpFlags(rules),
  };
}

const ANY_PORT: Range<number> = { first: 0, last: 0xffff };

function addresses(
  rules: readonly AclRule[],
  words: number,
  isIp4: boolean,
  pick: (rule: AclRule) => [address: number | Uint8Array, length: number],
): Intervals {
  if (isIp4)
    return intervals(
      rules.map((rule) => range4(...(pick(rule) as [number, number]))),
      words,
      (value) => (value >= 0xffffffff ? undefined : value + 1),
    );
  return intervals(
    rules.map((rule) => range6(...(pick(rule) as [Uint8Array, number]))),
    words,
    (value) => (value >= MAX6 ? undefined : value + 1n),
  );
}

const MAX6 = (1n << 128n) - 1n;

/** A prefix with host bits matches nothing, as in VPP: only the packet's address is masked. */
function range4(address: number, length: number): Range<number> | undefined {
  if (length === 0) return { first: 0, last: 0xffffffff };
  const size = 2 ** (32 - length);
  return address % size === 0 ? { first: address, last: address + size - 1 } : undefined;
}

/** VPP compares whole bytes and then the rest of one: host bits count only in that one. */
function range6(address: Uint8Array, length: number): Range<bigint> | undefined {
  const partial = length % 8;
  if (partial !== 0 && (address[length >> 3]! & (0xff >> partial)) !== 0) return undefined;
  const value = BigInt(`0x${Buffer.from(address).toString("hex")}`);
  const size = 1n << BigInt(128 - length);
  const first = value - (value % size);
  return { first, last: first + size - 1n };
}

function protocols(rules: readonly AclRule[], words: number): Pick<Block, "protocolRow" | "protocolSets"> {
  const used = [...new Set(rules.map((rule) => rule.protocol))].filter((protocol) => protocol !== 0);
  const protocolRow = new Uint16Array(256);
  const rows = [0, ...used].map(() => new Int32Array(words));
  used.forEach((protocol, i) => (protocolRow[protocol] = i + 1));
  rules.forEach(({ protocol }, rule) => {
    for (const row of protocol === 0 ? rows : [rows[protocolRow[protocol]!]!]) row[rule >> 5]! |= 1 << (rule & 31);
  });
  return { protocolRow, protocolSets: packRows(rows, words) };
}

function tcpFlags(rules: readonly AclRule[]): Pick<Block, "tcpFlags" | "hasTcpFlags"> {
  const flags = Uint16Array.from(rules, (rule) =>
    rule.protocol === TCP ? rule.tcpFlagsMask * 256 + rule.tcpFlagsValue : 0,
  );
  return { tcpFlags: flags, hasTcpFlags: flags.some((value) => value !== 0) };
}
