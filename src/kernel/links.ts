import { IFF_UP } from "../sys/constants.ts";
import { attribute, concat, nested, parseAttributes, readText, readU32, text, u32 } from "./attributes.ts";
import { KernelError } from "./errors.ts";
import { NLM_F_CREATE, NLM_F_EXCL, type Netlink } from "./netlink.ts";
import { macText, parseMac } from "./prefix.ts";

/* linux/if_link.h, linux/rtnetlink.h, linux/veth.h */
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_OPERSTATE = 16;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_NET_NS_FD = 28;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
/** RFC 2863 */
const IF_OPER_UP = 6;
const HEADER = 16;
const OPERATIONAL_DEADLINE_MS = 3000;

/** A network device as rtnetlink shows it. */
export interface Link {
  readonly name: string;
  readonly index: number;
  /** "veth", "bridge", "tun", "gre"; undefined for physical devices and the loopback. */
  readonly kind: string | undefined;
  /** Administratively. */
  readonly up: boolean;
  /** It is up and has a carrier, and packets leave it. Kinds without a state of their own (lo, tun) always are. */
  readonly operational: boolean;
  readonly mtu: number;
  readonly mac: string | undefined;
  /** Index of the bridge or bond that it is a member of. */
  readonly master: number | undefined;
  /** For a veth: the peer's index in the peer's namespace. */
  readonly peerIndex: number | undefined;
  /** A text that somebody has given it (`ip link set dev NAME alias TEXT`). */
  readonly alias: string | undefined;
}

export interface LinkOptions {
  readonly mtu?: number | undefined;
  readonly mac?: string | undefined;
  readonly up?: boolean | undefined;
  /** At most 255 bytes. */
  readonly alias?: string | undefined;
  /** Name of the bridge to join; null leaves it. */
  readonly master?: string | null | undefined;
}

function header(options: { index?: number; flags?: number; change?: number } = {}): Uint8Array {
  const out = new Uint8Array(HEADER);
  const view = new DataView(out.buffer);
  view.setInt32(4, options.index ?? 0, true);
  view.setUint32(8, options.flags ?? 0, true);
  view.setUint32(12, options.change ?? 0, true);
  return out;
}

function parseLink(data: Uint8Array): Link {
  const view = new DataView(data.buffer, data.byteOffset);
  const attributes = parseAttributes(data.subarray(HEADER));
  const info = parseAttributes(attributes.get(IFLA_LINKINFO) ?? new Uint8Array());
  const mac = attributes.get(IFLA_ADDRESS);
  const state = attributes.get(IFLA_OPERSTATE)?.[0] ?? 0;
  return {
    name: readText(attributes.get(IFLA_IFNAME)) ?? "",
    index: view.getInt32(4, true),
    kind: readText(info.get(IFLA_INFO_KIND)),
    up: (view.getUint32(8, true) & IFF_UP) !== 0,
    operational: state === IF_OPER_UP || state === 0,
    mtu: readU32(attributes.get(IFLA_MTU)) ?? 0,
    mac: mac?.length === 6 ? macText(mac) : undefined,
    master: readU32(attributes.get(IFLA_MASTER)),
    peerIndex: readU32(attributes.get(IFLA_LINK)),
    alias: readText(attributes.get(IFLA_IFALIAS)),
  };
}

export async function listLinks(netlink: Netlink): Promise<Link[]> {
  const replies = await netlink.dump(RTM_GETLINK, header(), "list links");
  return replies.map((reply) => parseLink(reply.data));
}

/** undefined where there is no such device. */
export async function findLink(netlink: Netlink, name: string): Promise<Link | undefined> {
  try {
    const replies = await netlink.request(RTM_GETLINK, concat(header(), text(IFLA_IFNAME, checkName(name))), {
      doing: `look up ${name}`,
    });
    return replies[0] === undefined ? undefined : parseLink(replies[0].data);
  } catch (error) {
    if (KernelError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/** @throws KernelError NOT_FOUND */
export async function getLink(netlink: Netlink, name: string): Promise<Link> {
  const link = await findLink(netlink, name);
  if (link !== undefined) return link;
  const names = (await listLinks(netlink)).map((one) => one.name).join(", ");
  throw new KernelError("NOT_FOUND", `there is no network device "${name}" in this network namespace, only: ${names}`);
}

function checkName(name: string): string {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > 15 || /[\s/:]/.test(name)) {
    throw new KernelError("INVALID", `"${name}" cannot name a network device: 1 to 15 bytes, no space, "/" or ":"`);
  }
  return name;
}

function attributesOf(options: LinkOptions): Uint8Array[] {
  return [
    ...(options.mtu === undefined ? [] : [u32(IFLA_MTU, options.mtu)]),
    ...(options.mac === undefined ? [] : [attribute(IFLA_ADDRESS, parseMac(options.mac))]),
    ...(options.alias === undefined ? [] : [text(IFLA_IFALIAS, options.alias)]),
  ];
}

/** Brings a device to what the options say; what is so already is not written. @throws KernelError */
export async function setLink(netlink: Netlink, name: string, options: LinkOptions): Promise<void> {
  const link = await getLink(netlink, name);
  const wanted: Uint8Array[] = attributesOf({
    mtu: options.mtu === link.mtu ? undefined : options.mtu,
    mac: options.mac?.toLowerCase() === link.mac ? undefined : options.mac,
    alias: options.alias === link.alias ? undefined : options.alias,
  });
  if (options.master !== undefined) {
    const master = options.master === null ? 0 : (await getLink(netlink, options.master)).index;
    if (master !== (link.master ?? 0)) wanted.push(u32(IFLA_MASTER, master));
  }
  const turn = options.up !== undefined && options.up !== link.up;
  if (wanted.length === 0 && !turn) return;
  const flags = { index: link.index, flags: options.up ? IFF_UP : 0, change: turn ? IFF_UP : 0 };
  await netlink.request(RTM_NEWLINK, concat(header(flags), ...wanted), { doing: `set link ${name}` });
}

/**
 * Creates a device of a kind that needs no data ("bridge", "dummy", "gre", "ip6gre"); one of that name and kind that is
 * there already is kept.
 * @throws KernelError UNSUPPORTED where the kernel has no such kind, EXISTS where the name is another kind's
 */
export async function addLink(netlink: Netlink, name: string, kind: string, options: LinkOptions = {}): Promise<void> {
  const present = await findLink(netlink, name);
  if (present === undefined) {
    const body = concat(
      header(),
      text(IFLA_IFNAME, checkName(name)),
      ...attributesOf(options),
      nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, kind)),
    );
    await netlink.request(RTM_NEWLINK, body, {
      flags: NLM_F_CREATE | NLM_F_EXCL,
      doing: `create ${kind} ${name}`,
      hint: `this kernel may have no "${kind}" devices`,
    });
  } else if (present.kind !== kind) {
    throw new KernelError(
      "EXISTS",
      `cannot create ${kind} ${name}: a device of that name exists and is ${present.kind ?? "not virtual"}`,
    );
  }
  await setLink(netlink, name, options);
}

/** One end of a veth pair. */
export interface VethEnd extends LinkOptions {
  readonly name: string;
}

/**
 * Creates a veth pair with its peer directly in another namespace; a pair that is there already is brought to the
 * options. MACs are fixed by the caller, since a random one changes with every creation.
 * @param peerLink looks a device up in the peer's namespace
 * @throws KernelError EXISTS where only one end, or something else, has the name
 */
export async function addVethPair(
  netlink: Netlink,
  end: VethEnd,
  peer: VethEnd & { namespaceFd: number; netlink: Netlink },
): Promise<void> {
  const [here, there] = await Promise.all([findLink(netlink, end.name), findLink(peer.netlink, peer.name)]);
  if (here === undefined && there === undefined) {
    const peerBody = concat(
      header(),
      text(IFLA_IFNAME, checkName(peer.name)),
      ...attributesOf(peer),
      u32(IFLA_NET_NS_FD, peer.namespaceFd),
    );
    const body = concat(
      header(),
      text(IFLA_IFNAME, checkName(end.name)),
      ...attributesOf(end),
      nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, "veth"), nested(IFLA_INFO_DATA, nested(VETH_INFO_PEER, peerBody))),
    );
    await netlink.request(RTM_NEWLINK, body, {
      flags: NLM_F_CREATE | NLM_F_EXCL,
      doing: `create veth ${end.name} with peer ${peer.name}`,
    });
  } else if (here?.kind !== "veth" || there?.kind !== "veth" || here.peerIndex !== there.index) {
    throw new KernelError(
      "EXISTS",
      `cannot create veth ${end.name} with peer ${peer.name}: a device of one of these names exists and is not that pair`,
    );
  }
  await setLink(peer.netlink, peer.name, peer);
  await setLink(netlink, end.name, end);
}

/**
 * The kernel gives a new link its queue a moment after it is up (linkwatch); what is sent before is dropped, and a lost
 * ARP or ND request costs a second.
 */
export async function waitOperational(netlink: Netlink, name: string): Promise<void> {
  const deadline = Date.now() + OPERATIONAL_DEADLINE_MS;
  while (!(await getLink(netlink, name)).operational) {
    if (Date.now() > deadline) {
      throw new KernelError("TIMEOUT", `link ${name} is up, but not operational within ${OPERATIONAL_DEADLINE_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Gives a device another name; it must be down. @throws KernelError NOT_FOUND, EXISTS, BUSY */
export async function renameLink(netlink: Netlink, name: string, to: string): Promise<void> {
  const { index } = await getLink(netlink, name);
  await netlink.request(RTM_NEWLINK, concat(header({ index }), text(IFLA_IFNAME, checkName(to))), {
    doing: `rename link ${name} to ${to}`,
  });
}

/** Deletes a device (for a veth, both ends). False where there was none. */
export async function deleteLink(netlink: Netlink, name: string): Promise<boolean> {
  const link = await findLink(netlink, name);
  if (link === undefined) return false;
  try {
    await netlink.request(RTM_DELLINK, header({ index: link.index }), { doing: `delete link ${name}` });
    return true;
  } catch (error) {
    if (KernelError.is(error, "NOT_FOUND")) return false;
    throw error;
  }
}
