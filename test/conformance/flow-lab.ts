/** A subject with two devices, anchors with servers behind one, and flows in front of the other. */
import { parseAddress, parsePrefix } from "vpp-api-ts/codec";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { BareClient, DEADLINE_MS, type Fields } from "./client.ts";
import { delivered, frameOf, idOf, MAC } from "./frames.ts";
import { STREAMS, type FlowRule, type Scenario, type TestPacket } from "./flow-model.ts";
import type { Subject } from "./subject.ts";
import { Wire } from "./wire.ts";

const NO_INDEX = 0xffffffff;
const SERVERS_PER_STREAM = 3;
const SLOTS = 64;
/** Always goes to the last stream, by no flow: tells that all before it are through. */
const SENTINEL_VIP = "20.9.9.9";
const SENTINEL: TestPacket = {
  ...{ family: 4, source: "192.0.2.200", destination: SENTINEL_VIP, protocol: 17, shape: "whole" },
  ...{ sourcePort: 1, destinationPort: 1, tcpFlags: 0 },
};

function anchor(family: 4 | 6, stream: number): string {
  return family === 4 ? `198.18.0.${stream}` : `2001:db8:18::${stream}`;
}

/** An IPv4 VIP in the one encoding that every VPP takes. */
function vipPrefix(address: string): Fields {
  if (address.includes(":")) return { ...parsePrefix(`${address}/128`) };
  const ip6 = new Uint8Array(16);
  ip6.set(parseAddress(address).un.ip4, 12);
  return { address: { af: 1, un: { ip6 } }, len: 128 };
}

function pathVia(address: string): Fields {
  const { af, un } = parseAddress(address);
  return {
    ...{ sw_if_index: NO_INDEX, table_id: 0, rpf_id: 0, weight: 1, preference: 0, type: 0, flags: 0 },
    ...{ proto: af, nh: { address: un }, n_labels: 0 },
  };
}

function wireRule(rule: FlowRule): Fields {
  return {
    is_permit: rule.permit ? 1 : 0,
    src_prefix: parsePrefix(rule.source),
    dst_prefix: parsePrefix(rule.destination),
    proto: rule.protocol,
    srcport_or_icmptype_first: rule.sourcePorts[0],
    srcport_or_icmptype_last: rule.sourcePorts[1],
    dstport_or_icmpcode_first: rule.destinationPorts[0],
    dstport_or_icmpcode_last: rule.destinationPorts[1],
    tcp_flags_mask: rule.tcpFlags?.mask ?? 0,
    tcp_flags_value: rule.tcpFlags?.value ?? 0,
  };
}

type Undo = () => Promise<void>;

export class FlowLab {
  readonly client: BareClient;
  readonly #subject: Subject;
  readonly #in: Wire;
  readonly #out: Wire;
  #inIndex = 0;
  #outIndex = 0;
  #nextId = 1;

  private constructor(subject: Subject, client: BareClient, wires: readonly [Wire, Wire]) {
    this.#subject = subject;
    this.client = client;
    [this.#in, this.#out] = wires;
  }

  /** `start` gets what prepares the subject's namespace. */
  static async create(start: (prepare: (namespace: Namespace) => Promise<void>) => Promise<Subject>): Promise<FlowLab> {
    const wires: Wire[] = [];
    const subject = await start(async (namespace) => {
      for (const name of ["in", "out"]) {
        await namespace.addVeth({ name: `${name}0`, peer: { name: `${name}1` } });
        wires.push(new Wire(namespace, `${name}1`));
      }
    });
    const client = await BareClient.connect(subject.api);
    const lab = new FlowLab(subject, client, wires as [Wire, Wire]);
    try {
      await lab.#build();
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.client.close();
    await this.#subject.stop();
    this.#in.close();
    this.#out.close();
  }

  async #do(name: string, fields: Fields): Promise<Fields> {
    const reply = await this.client.request(name, fields);
    if (reply["retval"] !== 0) throw new Error(`${name}: ${String(reply["retval"])}`);
    return reply;
  }

  async #device(name: "in" | "out", addresses: readonly string[]): Promise<number> {
    const { sw_if_index } = await this.#do("af_packet_create_v3", {
      ...{ mode: 1, hw_addr: MAC[name], use_random_hw_addr: false, host_if_name: `${name}0` },
      ...{ rx_frame_size: 2048, tx_frame_size: 2048, rx_frames_per_block: 32, tx_frames_per_block: 256 },
      ...{ flags: 1, num_rx_queues: 1, num_tx_queues: 1 },
    });
    await this.#do("sw_interface_set_flags", { sw_if_index, flags: 1 });
    for (const prefix of addresses)
      await this.#do("sw_interface_add_del_address", {
        ...{ sw_if_index, is_add: true, del_all: false, prefix: parsePrefix(prefix) },
      });
    return Number(sw_if_index);
  }

  async #build(): Promise<void> {
    this.#inIndex = await this.#device("in", ["10.70.0.1/24", "2001:db8:70::1/64"]);
    this.#outIndex = await this.#device("out", ["10.60.0.1/16"]);
    await this.#do("lb_conf", {
      ...{ ip4_src_address: "10.60.0.1", ip6_src_address: "2001:db8:60::1" },
      ...{ sticky_buckets_per_core: 16384, flow_timeout: 40 },
    });
    for (let stream = 1; stream <= STREAMS; stream += 1) await this.#stream(stream);
    await this.#route(SENTINEL_VIP, STREAMS, true);
    await this.#until(SENTINEL);
  }

  async #stream(stream: number): Promise<void> {
    for (let n = 1; n <= SERVERS_PER_STREAM; n += 1) {
      const neighbor = { sw_if_index: this.#outIndex, flags: 1, mac_address: MAC.server };
      const ip_address = parseAddress(`10.60.${stream}.${n}`);
      await this.#do("ip_neighbor_add_del", { is_add: true, neighbor: { ...neighbor, ip_address } });
    }
    for (const family of [4, 6] as const) await this.#anchor(family, stream);
  }

  async #anchor(family: 4 | 6, stream: number): Promise<void> {
    const vip = { pfx: vipPrefix(anchor(family, stream)), protocol: 255, port: 0 };
    await this.#do("lb_add_del_vip_v2", {
      ...{ ...vip, encap: 0, dscp: 0, type: 0, target_port: 0, node_port: 0 },
      ...{ new_flows_table_length: SLOTS, src_ip_sticky: false, is_del: false },
    });
    // Equal weights of 1 give the table of a VPP without weights.
    const weighted = this.client.listed.has("lb_add_del_as_v2_2f1d3b0e");
    for (let n = 1; n <= SERVERS_PER_STREAM; n += 1)
      await this.#do(weighted ? "lb_add_del_as_v2" : "lb_add_del_as", {
        ...{ ...vip, as_address: parseAddress(`10.60.${stream}.${n}`), is_del: false, is_flush: false },
        ...(weighted ? { weight: 1 } : {}),
      });
  }

  #route(vip: string, stream: number, isAdd: boolean): Promise<Fields> {
    const isIp4 = !vip.includes(":");
    return this.#do("ip_route_add_del", {
      ...{ is_add: isAdd, is_multipath: false },
      route: {
        ...{ table_id: 0, stats_index: 0, prefix: parsePrefix(`${vip}/${isIp4 ? 32 : 128}`) },
        paths: [pathVia(anchor(isIp4 ? 4 : 6, stream))],
      },
    });
  }

  async #list(rules: readonly FlowRule[], tag: string): Promise<number> {
    const fields = { acl_index: NO_INDEX, tag, count: rules.length, r: rules.map(wireRule) };
    return Number((await this.#do("acl_add_replace", fields))["acl_index"]);
  }

  /** Makes VIPs, flows and the filter. Returns what takes them away again, in reverse. */
  async #configure(scenario: Scenario, undo: Undo[]): Promise<void> {
    for (const { address, stream } of scenario.vips) {
      if (stream === undefined) continue;
      await this.#route(address, stream, true);
      undo.push(async () => void (await this.#route(address, stream, false)));
    }
    for (const [i, flow] of scenario.flows.entries()) {
      const acl_index = await this.#list(flow.rules, `flow-${i}`);
      undo.push(async () => void (await this.#do("acl_del", { acl_index })));
      const policy = { policy_id: i + 1, acl_index, n_paths: 1, paths: [pathVia(anchor(flow.family, flow.stream))] };
      await this.#do("abf_policy_add_del", { is_add: true, policy });
      undo.push(async () => void (await this.#do("abf_policy_add_del", { is_add: false, policy })));
      const attach = {
        policy_id: i + 1,
        sw_if_index: this.#inIndex,
        priority: flow.priority,
        is_ipv6: flow.family === 6,
      };
      await this.#do("abf_itf_attach_add_del", { is_add: true, attach });
      undo.push(async () => void (await this.#do("abf_itf_attach_add_del", { is_add: false, attach })));
    }
    if (scenario.filter === undefined) return;
    const permitted = { destination: `${SENTINEL_VIP}/32`, source: "0.0.0.0/0", protocol: 0 };
    const sentinel = { ...permitted, permit: true, sourcePorts: [0, 65535], destinationPorts: [0, 65535] } as const;
    const acls = [await this.#list([sentinel], "sentinel"), await this.#list(scenario.filter, "filter")];
    for (const acl_index of acls) undo.push(async () => void (await this.#do("acl_del", { acl_index })));
    const bind = (list: number[]) =>
      this.#do("acl_interface_set_acl_list", {
        ...{ sw_if_index: this.#inIndex, count: list.length, n_input: list.length, acls: list },
      });
    await bind(acls);
    undo.push(async () => void (await bind([])));
  }

  /** Takes a stream's IPv4 anchor away, or brings it back with its servers. */
  async setAnchor(stream: number, isThere: boolean): Promise<void> {
    if (isThere) return this.#anchor(4, stream);
    await this.#do("lb_add_del_vip_v2", {
      ...{ pfx: vipPrefix(anchor(4, stream)), protocol: 255, port: 0, encap: 0, dscp: 0, type: 0, target_port: 0 },
      ...{ node_port: 0, new_flows_table_length: SLOTS, src_ip_sticky: false, is_del: true },
    });
  }

  /**
   * Sends a scenario's packets through. By packet: the frame that came out, or undefined. Those that were dropped are known
   * by the sentinel: frames are worked on in order, and a second one is sent only when the first has come.
   */
  async run(scenario: Scenario): Promise<(Uint8Array | undefined)[]> {
    const undo: Undo[] = [];
    try {
      await this.#configure(scenario, undo);
      const first = this.#nextId;
      this.#nextId += scenario.packets.length;
      this.#in.send(...scenario.packets.map((packet, i) => frameOf(packet, first + i)));
      const frames = [...(await this.#until(SENTINEL)), ...(await this.#until(SENTINEL))];
      const byId = new Map(frames.map((frame) => [idOf(frame), frame]));
      return scenario.packets.map((_, i) => byId.get(first + i));
    } finally {
      for (const each of undo.reverse()) await each();
    }
  }

  async #until(sentinel: TestPacket): Promise<Uint8Array[]> {
    const id = this.#nextId++;
    this.#in.send(frameOf(sentinel, id));
    return this.#out.until((frame) => idOf(frame) === id, DEADLINE_MS);
  }
}

/** The stream of the server that a frame went to. */
export function streamOfFrame(frame: Uint8Array): number {
  return Number(delivered(frame).server.split(".")[2]);
}
