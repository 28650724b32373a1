import { AF_INET, AF_INET6, AF_UNSPEC } from "../sys/constants.ts";
import { addressText } from "../sys/sockaddr.ts";
import { attribute, concat, parseAttributes, readU32, u32 } from "./attributes.ts";
import { KernelError } from "./errors.ts";
import { NLM_F_CREATE, NLM_F_REPLACE, type Netlink } from "./netlink.ts";
import { macText, parseMac, parsePrefix } from "./prefix.ts";

/* linux/if_addr.h, linux/neighbour.h */
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const RTM_NEWNEIGH = 28;
const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const IFA_F_DADFAILED = 0x08;
const IFA_F_TENTATIVE = 0x40;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NUD_PERMANENT = 0x80;
const HEADER = 8;
const NEIGHBOUR_HEADER = 12;

export interface InterfaceAddress {
  /** "10.60.1.1/24" */
  readonly prefix: string;
  readonly interfaceIndex: number;
  /** IPv6: duplicate address detection is still running, or found a duplicate. */
  readonly tentative: boolean;
}

export async function listAddresses(netlink: Netlink): Promise<InterfaceAddress[]> {
  const body = new Uint8Array(HEADER);
  body[0] = AF_UNSPEC;
  const replies = await netlink.dump(RTM_GETADDR, body, "list addresses");
  return replies.map(({ data }) => {
    const attributes = parseAttributes(data.subarray(HEADER));
    const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS) ?? new Uint8Array(4);
    const flags = readU32(attributes.get(IFA_FLAGS)) ?? data[2] ?? 0;
    return {
      prefix: `${addressText(bytes)}/${data[1] ?? 0}`,
      interfaceIndex: new DataView(data.buffer, data.byteOffset).getUint32(4, true),
      tentative: (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) !== 0,
    };
  });
}

function message(interfaceIndex: number, text: string): Uint8Array {
  const prefix = parsePrefix(text);
  const header = new Uint8Array(HEADER);
  header[0] = prefix.family;
  header[1] = prefix.length;
  new DataView(header.buffer).setUint32(4, interfaceIndex, true);
  return concat(
    header,
    attribute(IFA_LOCAL, prefix.bytes),
    attribute(IFA_ADDRESS, prefix.bytes),
    // Without duplicate address detection an IPv6 address can be used at once (RFC 4862 takes about a second).
    u32(IFA_FLAGS, prefix.family === AF_INET6 ? IFA_F_NODAD : 0),
  );
}

/** Adds an address; one that is there already is kept. */
export async function addAddress(netlink: Netlink, interfaceIndex: number, text: string, name: string): Promise<void> {
  await netlink.request(RTM_NEWADDR, message(interfaceIndex, text), {
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    doing: `add address ${text} to ${name}`,
    ...(parsePrefix(text).family === AF_INET6 ? { hint: "is IPv6 disabled (sysctl disable_ipv6)?" } : {}),
  });
}

/** False where there was none. */
export async function deleteAddress(
  netlink: Netlink,
  interfaceIndex: number,
  text: string,
  name: string,
): Promise<boolean> {
  try {
    const doing = `delete address ${text} from ${name}`;
    await netlink.request(RTM_DELADDR, message(interfaceIndex, text), { doing });
    return true;
  } catch (error) {
    if (KernelError.is(error, "NOT_FOUND")) return false;
    throw error;
  }
}

export interface Neighbour {
  readonly address: string;
  readonly mac: string | undefined;
  readonly interfaceIndex: number;
  /** NUD_ state of linux/neighbour.h; 0x80 permanent, 0x02 reachable, 0x20 failed. */
  readonly state: number;
}

/** The ARP and ND caches. */
export async function listNeighbours(netlink: Netlink): Promise<Neighbour[]> {
  const replies = await netlink.dump(RTM_GETNEIGH, new Uint8Array(NEIGHBOUR_HEADER), "list neighbours");
  return replies
    .filter(({ data }) => data[0] === AF_INET || data[0] === AF_INET6)
    .map(({ data }) => {
      const attributes = parseAttributes(data.subarray(NEIGHBOUR_HEADER));
      const view = new DataView(data.buffer, data.byteOffset);
      const mac = attributes.get(NDA_LLADDR);
      return {
        address: addressText(attributes.get(NDA_DST) ?? new Uint8Array(4)),
        mac: mac === undefined ? undefined : macText(mac),
        interfaceIndex: view.getInt32(4, true),
        state: view.getUint16(8, true),
      };
    });
}

function neighbourMessage(interfaceIndex: number, address: string, mac: string | undefined): Uint8Array {
  const prefix = parsePrefix(address);
  const header = new Uint8Array(NEIGHBOUR_HEADER);
  const view = new DataView(header.buffer);
  header[0] = prefix.family;
  view.setInt32(4, interfaceIndex, true);
  view.setUint16(8, NUD_PERMANENT, true);
  return concat(
    header,
    attribute(NDA_DST, prefix.bytes),
    ...(mac === undefined ? [] : [attribute(NDA_LLADDR, parseMac(mac))]),
  );
}

/** A permanent neighbour entry; replaces what was learned. */
export async function addNeighbour(
  netlink: Netlink,
  interfaceIndex: number,
  address: string,
  mac: string,
): Promise<void> {
  await netlink.request(RTM_NEWNEIGH, neighbourMessage(interfaceIndex, address, mac), {
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    doing: `add neighbour ${address}`,
  });
}

/** False where there was none. */
export async function deleteNeighbour(netlink: Netlink, interfaceIndex: number, address: string): Promise<boolean> {
  try {
    const doing = `delete neighbour ${address}`;
    await netlink.request(RTM_DELNEIGH, neighbourMessage(interfaceIndex, address, undefined), { doing });
    return true;
  } catch (error) {
    if (KernelError.is(error, "NOT_FOUND")) return false;
    throw error;
  }
}
