import { canonicalPrefix, contains, familyOf, overlaps, type DesiredState } from "../bridge/index.ts";
import type { Findings } from "./finding.ts";
import type { LbFile } from "./schema.ts";

/** The section `nsm`: what clients could not be given. What comes from the environment is looked at when it is there. */
export function checkNsm(file: LbFile, desired: DesiredState, found: Findings): void {
  const { nsm } = file;
  if (nsm === undefined) return;
  if (nsm.payload === "IP" && !nsm.mechanisms.includes("KERNEL"))
    found.error(
      ["nsm", "payload"],
      "with payload IP nothing can be given by MEMIF: add KERNEL to nsm.mechanisms, or leave payload at ETHERNET",
    );
  const own = bviAddresses(desired, nsm.bridge);
  const vips = vipPrefixes(desired);
  const prefixes = (nsm.prefixes ?? []).map(canonicalPrefix);
  prefixes.forEach((prefix, index) => {
    const problem =
      clientPrefixProblem(prefix, own, nsm.bridge) ?? overlapProblem(prefix, prefixes.slice(0, index), vips);
    if (problem !== undefined) found.error(["nsm", "prefixes", index], problem);
  });
  const known = new Set([
    ...file.vips.flatMap((vip) => [vip.name, canonicalPrefix(vip.prefix)]),
    ...file.streams.map((stream) => stream.name),
  ]);
  (nsm.vips ?? []).forEach((text, index) => {
    if (!known.has(text) && !known.has(canonical(text)))
      found.error(["nsm", "vips", index], `this file has no VIP and no stream ${JSON.stringify(text)}`);
  });
}

function canonical(text: string): string | undefined {
  try {
    return canonicalPrefix(text);
  } catch {
    return undefined;
  }
}

/** Prefixes of all VIPs, with and without streams. */
export function vipPrefixes({ vips, steering }: DesiredState): string[] {
  return [...vips, ...(steering?.vips ?? [])].map((vip) => vip.prefix);
}

/** What keeps clients from addresses of the prefix: what is tunnelled to an address of a VIP comes to the VIP again. */
export function overlapProblem(prefix: string, before: readonly string[], vips: readonly string[]): string | undefined {
  const other = before.find((one) => overlaps(one, prefix));
  if (other !== undefined) return `${prefix} overlaps ${other}: clients get one address of each`;
  const vip = vips.find((one) => overlaps(one, prefix));
  return vip === undefined ? undefined : `${prefix} overlaps VIP ${vip}: a client's address cannot be a VIP's`;
}

/** Addresses of the bridge's BVI, with length; undefined where the file has none. */
export function bviAddresses({ interfaces }: DesiredState, bridge: number): readonly string[] | undefined {
  return interfaces.find((one) => one.bridge?.id === bridge && one.bridge.bvi)?.addresses;
}

/** Below that many bits there is no room for a client: network, BVI, client, broadcast. */
const LEAST_BITS = 2;

/**
 * Why clients cannot get addresses of a prefix; undefined where they can.
 * @param own the BVI's, with length; undefined: it is made as the prefixes need it
 */
export function clientPrefixProblem(
  prefix: string,
  own: readonly string[] | undefined,
  bridge: number,
): string | undefined {
  const family = familyOf(prefix);
  const bits = family === 4 ? 32 : 128;
  const length = Number(prefix.split("/")[1]);
  if (bits - length < LEAST_BITS) return `${prefix} has no address for a client: at most /${bits - LEAST_BITS}`;
  if (own === undefined) return undefined;
  const self = selfIn(prefix, own);
  if (self === undefined)
    return `the BVI of bridge ${bridge} has no address in ${prefix}: add ${firstHost(prefix)}/${length} to its addresses`;
  return Number(self.split("/")[1]) === length
    ? undefined
    : `the BVI of bridge ${bridge} has ${self}: its length has to be that of ${prefix}`;
}

/** The address that lies in the prefix, with length. */
export function selfIn(prefix: string, own: readonly string[]): string | undefined {
  return own.find((address) => familyOf(address) === familyOf(prefix) && contains(prefix, address));
}

/** The prefix's own address, plus one: `.1`. */
export function firstHost(prefix: string): string {
  const [base = ""] = prefix.split("/");
  if (familyOf(base) === 4) return base.replace(/\d+$/, (last) => String(Number(last) + 1));
  return base.endsWith("::") ? `${base}1` : base.replace(/[0-9a-f]+$/, (last) => (parseInt(last, 16) + 1).toString(16));
}
