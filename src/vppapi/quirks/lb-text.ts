import { VppError } from "../errors.ts";
import type { LbEncap } from "./lb-encoding.ts";

/** A server of a VIP as VPP has it. */
export interface LbServer {
  readonly address: string;
  /** Slots of the new-flow table that lead here. */
  readonly buckets: number;
  /** Entries of the sticky tables; falls only as slots are used again or flushed. */
  readonly flows: number;
  /** 26.10 and later. */
  readonly weight: number | undefined;
  readonly dpo: number;
  /** Deleted; listed until it is collected. */
  readonly removed: boolean;
}

/** A VIP as VPP has it. */
export interface LbVipState {
  /** In VPP's pool: the index of its counters in the statistics segment. */
  readonly index: number;
  /** "10.2.2.0/24" */
  readonly prefix: string;
  readonly family: 4 | 6;
  readonly encap: LbEncap;
  readonly tableSize: number;
  readonly srcIpSticky: boolean;
  /** 255 and 0 for an all-port VIP. */
  readonly protocol: number;
  readonly port: number;
  /** Of l3dsr. */
  readonly dscp: number | undefined;
  readonly counters: {
    readonly existingSession: number;
    readonly firstPacket: number;
    readonly untracked: number;
    readonly noServer: number;
  };
  readonly servers: readonly LbServer[];
  /** Deleted; it and its servers are collected some time after the last flow. */
  readonly removed: boolean;
}

/** What `show lb` says. */
export interface LbMain {
  readonly ip4Source: string;
  readonly ip6Source: string;
  /** Of all threads that have seen a packet; undefined before: VPP makes the sticky tables at the first one. */
  readonly timeoutS: number | undefined;
  /** Without VPP's own placeholder. */
  readonly vips: number;
  readonly servers: number;
  readonly cores: readonly { readonly core: number; readonly used: number; readonly size: number }[];
}

const head = /^ *ip([46])-(gre4|gre6|l3dsr|nat4|nat6) \[(\d+)\] (\S+\/\d+)( src_ip_sticky)?( removed)?$/;
/** 26.06: `A 342 buckets   0 flows  dpo:18 used` (lb.c:246); 26.10: `A weight:100 buckets:342 flows:0 dpo:18 used`. */
const oldServer = /^ *(\S+) (\d+) buckets +(\d+) flows +dpo:(\d+) +(used|removed)$/;
const newServer = /^ *(\S+) weight:(\d+) buckets:(\d+) flows:(\d+) dpo:(\d+) +(used|removed)$/;

const counterNames: Readonly<Record<string, keyof LbVipState["counters"]>> = {
  "packet from existing sessions": "existingSession",
  "first session packet": "firstPacket",
  "untracked packet": "untracked",
  "no server configured": "noServer",
};

interface Draft extends Writable<Omit<LbVipState, "counters" | "servers">> {
  counters: Writable<LbVipState["counters"]>;
  servers: LbServer[];
  announced: number;
}
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Reads `show lb vips verbose`, in the form of 26.06 and older and in that of 26.10 (format_lb_vip_detailed, lb.c:184).
 * @throws VppError PARSE naming the line that is not understood: better than a VIP that seems to be missing
 */
export function parseLbVips(text: string): LbVipState[] {
  const vips: Draft[] = [];
  for (const line of text.split("\n")) {
    const trimmed = line.replace(/[\r\0 ]+$/, "");
    if (trimmed.trim() === "") continue;
    const begun = begin(trimmed);
    if (begun !== undefined) vips.push(begun);
    else if (!continues(vips.at(-1), trimmed.trim())) throw unreadable("show lb vips verbose", trimmed);
  }
  return vips.map(({ announced, ...vip }) => {
    if (announced !== vip.servers.length) {
      throw new VppError(
        "PARSE",
        `show lb vips verbose: ${vip.prefix} has ${announced} servers, ${vip.servers.length} listed`,
      );
    }
    return vip;
  });
}

function begin(line: string): Draft | undefined {
  const found = head.exec(line);
  if (found === null) return undefined;
  const [, family, encap, index, prefix, sticky, removed] = found;
  return {
    index: Number(index),
    prefix: prefix as string,
    family: family === "4" ? 4 : 6,
    encap: encap as LbEncap,
    tableSize: 0,
    srcIpSticky: sticky !== undefined,
    protocol: 255,
    port: 0,
    dscp: undefined,
    counters: { existingSession: 0, firstPacket: 0, untracked: 0, noServer: 0 },
    servers: [],
    removed: removed !== undefined,
    announced: 0,
  };
}

/** @returns false for a line that is none of a VIP's */
function continues(vip: Draft | undefined, line: string): boolean {
  if (vip === undefined) return false;
  const server = serverOf(line);
  if (server !== undefined) return vip.servers.push(server) > 0;
  const counter = /^(.+): (\d+)$/.exec(line);
  const name = counter === null ? undefined : counterNames[counter[1] as string];
  if (counter !== null && name !== undefined) {
    vip.counters[name] = Number(counter[2]);
    return true;
  }
  return setting(vip, line);
}

function setting(vip: Draft, line: string): boolean {
  const found = /^(new_size|dscp|#as):(\d+)$/.exec(line);
  if (found?.[1] === "new_size") vip.tableSize = Number(found[2]);
  else if (found?.[1] === "dscp") vip.dscp = Number(found[2]);
  else if (found?.[1] === "#as") vip.announced = Number(found[2]);
  else {
    const port = /^protocol:(\d+) port:(\d+)$/.exec(line);
    if (port !== null) [vip.protocol, vip.port] = [Number(port[1]), Number(port[2])];
    // A NAT VIP's line lacks its newline and prints the port swapped (lb.c:218): nothing of it is used.
    else return line === "counters:" || /^type:(clusterip|nodeport) port:\d+ target_port:\d+ +counters:$/.test(line);
  }
  return true;
}

function serverOf(line: string): LbServer | undefined {
  const recent = newServer.exec(line);
  if (recent !== null) {
    const [, address, weight, buckets, flows, dpo, state] = recent;
    return server(address, weight, buckets, flows, dpo, state);
  }
  const older = oldServer.exec(line);
  if (older === null) return undefined;
  const [, address, buckets, flows, dpo, state] = older;
  return server(address, undefined, buckets, flows, dpo, state);
}

function server(
  address: string | undefined,
  weight: string | undefined,
  buckets: string | undefined,
  flows: string | undefined,
  dpo: string | undefined,
  state: string | undefined,
): LbServer {
  return {
    address: address ?? "",
    buckets: Number(buckets),
    flows: Number(flows),
    weight: weight === undefined ? undefined : Number(weight),
    dpo: Number(dpo),
    removed: state === "removed",
  };
}

/** Reads `show lb` (format_lb_main, lb.c:89). @throws VppError PARSE */
export function parseLb(text: string): LbMain {
  const value = (pattern: RegExp): string => {
    const found = pattern.exec(text)?.[1];
    if (found === undefined) throw unreadable("show lb", text.split("\n")[0] ?? "");
    return found;
  };
  const cores = [...text.matchAll(/^core (\d+)\n +timeout: (\d+)s\n +usage: (-?\d+) \/ (-?\d+)/gm)];
  return {
    ip4Source: value(/ip4-src-address: (\S+)/),
    ip6Source: value(/ip6-src-address: (\S+)/),
    timeoutS: cores[0] === undefined ? undefined : Number(cores[0][2]),
    // #vips counts the placeholder at index 0; #ass does not (lb.c:97-98).
    vips: Number(value(/#vips: (\d+)/)) - 1,
    servers: Number(value(/#ass: (\d+)/)),
    // The size is printed as buckets - 1 + 4 (lbhash.h: mask + LBHASH_ENTRY_PER_BUCKET), not as entries.
    cores: cores.map((core) => ({ core: Number(core[1]), used: Number(core[3]), size: (Number(core[4]) - 3) * 4 })),
  };
}

function unreadable(command: string, line: string): VppError {
  return new VppError("PARSE", `"${command}" of this VPP is not understood: ${JSON.stringify(line.slice(0, 120))}`);
}
