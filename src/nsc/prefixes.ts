import { BlockList } from "node:net";
import ipaddr from "ipaddr.js";
import { familyOf, networkText, parsePrefix } from "../kernel/prefix.ts";
import { NscError } from "./errors.ts";

/** Shorter prefixes are no VIPs: they would make a good part of the Internet local. */
const LEAST_LENGTH = { 4: 8, 6: 16 } as const;
const NEVER_LOCAL = new Set(["unspecified", "loopback", "multicast", "broadcast", "linkLocal", "ipv4Mapped"]);

/** "10.60.1.1" of "10.60.1.1/24". */
export function withoutLength(prefix: string): string {
  return prefix.split("/")[0] ?? "";
}

/** Why an address cannot be a host's; "" where it can. */
export function whyNoUnicast(address: string): string {
  if (!ipaddr.isValid(address) || address.includes("%")) return "it is no address";
  const range = ipaddr.parse(address).range();
  return NEVER_LOCAL.has(range) ? `it is ${range}` : "";
}

/** Why a prefix cannot be a VIP on any host; "" where it can. */
export function whyNoVip(text: string): string {
  try {
    const prefix = parsePrefix(text);
    if (prefix.length < LEAST_LENGTH[familyOf(text)]) return "it is too large";
  } catch {
    return "it is no prefix";
  }
  return whyNoUnicast(withoutLength(networkText(parsePrefix(text))));
}

/** Whether a prefix contains an address of its family. */
export function contains(prefix: string, address: string): boolean {
  if (familyOf(prefix) !== familyOf(address)) return false;
  const [network = "", length] = networkText(parsePrefix(prefix)).split("/");
  const list = new BlockList();
  const type = familyOf(prefix) === 4 ? "ipv4" : "ipv6";
  list.addSubnet(network, Number(length), type);
  return list.check(address, type);
}

/** Prefixes as the kernel writes them, each once. @throws NscError INPUT */
export function parsePrefixes(texts: readonly string[], what: string): readonly string[] {
  return [
    ...new Set(
      texts.map((text) => {
        const why = whyNoVip(text);
        if (why !== "") throw new NscError("INPUT", `${what}: ${JSON.stringify(text)} cannot be a VIP: ${why}`);
        return networkText(parsePrefix(text));
      }),
    ),
  ];
}
