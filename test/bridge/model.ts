import { lbEncaps, vipPrefixFromWire } from "vpp-api-ts";
import { formatPrefix } from "vpp-api-ts/codec";
import type { VppPort } from "../../src/bridge/index.ts";
import { overlaps } from "../../src/bridge/index.ts";
import { answeredPath, ClassifyModel } from "./model-classify.ts";
import { Refusal, wireAddress, wirePrefix } from "./model-wire.ts";
import { bucketCounts, buildTable } from "../../src/maglev/index.ts";

interface ModelInterface {
  name: string;
  type: string;
  host?: string;
  tag: string;
  mac: string;
  up: boolean;
  mtu: number;
  addresses: Set<string>;
  bridge?: { id: number; bvi: boolean; shg: number };
}
interface ModelServer {
  used: boolean;
  flows: number;
  weight: number;
}
export interface ModelVip {
  index: number;
  prefix: string;
  protocol: number;
  port: number;
  encap: string;
  dscp: number;
  size: number;
  sticky: boolean;
  removed: boolean;
  servers: Map<string, ModelServer>;
}
type Fields = Record<string, unknown>;

/**
 * What VPP does with the messages that the bridge sends, as far as its state goes: the rules of plugins/lb/lb.c, and
 * the return values that a VPP 26.06 was seen to give. `fixed` is 26.10: byte orders, weights, lb_conf_get.
 */
export class VppModel implements VppPort {
  readonly fixed: boolean;
  readonly interfaces = new Map<number, ModelInterface>();
  readonly bridges = new Map<number, Fields>();
  readonly routes = new Map<string, { prefix: string; table: number; paths: Fields[] }>();
  readonly neighbors = new Map<string, { address: string; mac: string; index: number }>();
  readonly classify = new ClassifyModel();
  vips: ModelVip[] = [];
  conf = { ip4: "255.255.255.255", ip6: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", buckets: 1024, timeout: 40 };
  /** Messages that changed something or tried to. */
  writes = 0;
  #nextInterface = 1;
  #nextVip = 1;

  constructor(fixed: boolean) {
    this.fixed = fixed;
    this.#addInterface({ name: "local0", type: "local" }, 0);
  }

  has(message: string): boolean {
    // What the model leaves to the tests that ask a VPP (test/controller/kinds.test.ts).
    if (
      /^(acl_interface|acl_stats|memif|tap|sw_interface_(tap|set_table|set_l2_xconnect|get_table)|l2_|ip_table|ip_reass|create_vlan)/.test(
        message,
      )
    )
      return false;
    const only2610 = ["lb_conf_get", "lb_conf_get_51077d14", "lb_add_del_as_v2", "lb_as_set_weight"];
    return this.fixed || !only2610.includes(message);
  }

  request(message: string, fields: Fields): Promise<Fields> {
    try {
      return Promise.resolve(this.#request(message, fields) ?? {});
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  dump(message: string, fields: Fields): Promise<Fields[]> {
    return Promise.resolve(this.#dump(message, fields));
  }

  cli(line: string): Promise<string> {
    try {
      return Promise.resolve(this.#cli(line));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  #addInterface(
    one: { name: string; type: string; host?: string; mac?: string },
    index = this.#nextInterface++,
  ): number {
    if ([...this.interfaces.values()].some((other) => other.name === one.name)) {
      throw new Refusal(one.type === "Loopback" ? -31 : -79, "exists");
    }
    this.interfaces.set(index, {
      tag: "",
      mac: "00:00:00:00:00:00",
      up: false,
      mtu: 9000,
      addresses: new Set(),
      ...one,
    });
    return index;
  }

  #interface(index: unknown): ModelInterface {
    const found = this.interfaces.get(Number(index));
    if (found === undefined) throw new Refusal(-2, `sw_if_index ${String(index)}`);
    return found;
  }

  #request(message: string, f: Fields): Fields | void {
    if (message === "show_version") return { version: this.fixed ? "26.10-rc0" : "26.06-release" };
    if (message === "lb_conf_get") {
      const { ip4, ip6, buckets, timeout } = this.conf;
      return { ip4_src_address: ip4, ip6_src_address: ip6, sticky_buckets_per_core: buckets, flow_timeout: timeout };
    }
    if (message !== "feature_is_enabled") this.writes++;
    const classified = this.classify.request(message, f);
    if (classified !== undefined) return classified;
    switch (message) {
      case "lb_conf":
        this.conf.ip4 = String(f["ip4_src_address"]);
        this.conf.ip6 = String(f["ip6_src_address"]);
        if (f["sticky_buckets_per_core"] !== 0xffffffff) this.conf.buckets = Number(f["sticky_buckets_per_core"]);
        if (f["flow_timeout"] !== 0xffffffff) this.conf.timeout = Number(f["flow_timeout"]);
        return;
      case "create_loopback_instance":
        return {
          sw_if_index: this.#addInterface({
            name: `loop${String(f["user_instance"])}`,
            type: "Loopback",
            mac: String(f["mac_address"]),
          }),
        };
      case "af_packet_create_v3": {
        const host = String(f["host_if_name"]);
        return {
          sw_if_index: this.#addInterface({
            name: `host-${host}`,
            type: "af-packet",
            host,
            mac: f["use_random_hw_addr"] === true ? "02:00:00:00:00:99" : String(f["hw_addr"]),
          }),
        };
      }
      case "af_packet_delete":
        return this.#deleteInterface([...this.interfaces].find(([, one]) => one.host === f["host_if_name"])?.[0], -71);
      case "delete_loopback":
        return this.#deleteInterface(Number(f["sw_if_index"]), -2);
      case "sw_interface_tag_add_del":
        this.#interface(f["sw_if_index"]).tag = f["is_add"] === true ? String(f["tag"]) : "";
        return;
      case "sw_interface_set_flags":
        this.#interface(f["sw_if_index"]).up = f["flags"] === 1;
        return;
      case "sw_interface_set_mtu":
        this.#interface(f["sw_if_index"]).mtu = (f["mtu"] as number[])[0]!;
        return;
      case "sw_interface_set_mac_address":
        this.#interface(f["sw_if_index"]).mac = String(f["mac_address"]);
        return;
      case "sw_interface_set_l2_bridge":
        return this.#setBridge(f);
      case "bridge_domain_add_del_v2":
        return this.#bridge(f);
      case "bridge_flags":
      case "bridge_domain_set_mac_age":
        return this.#bridgeFlags(message, f);
      case "sw_interface_add_del_address":
        return this.#address(f);
      case "ip_route_add_del":
        return this.#route(f);
      case "ip_neighbor_add_del":
        return this.#neighbor(f);
      case "lb_add_del_vip_v2":
        return this.#vip(f);
      case "lb_add_del_as":
      case "lb_add_del_as_v2":
        return this.#server(f);
      case "lb_as_set_weight": {
        const server = this.#findVip(vipOf(f)).servers.get(String(f["as_address"]));
        if (server?.used !== true) throw new Refusal(-6, "no such server");
        server.weight = Number(f["weight"]);
        return;
      }
      default:
        throw new Error(`the model does not know ${message}`);
    }
  }

  #deleteInterface(index: number | undefined, retval: number): void {
    if (index === undefined || !this.interfaces.delete(index)) throw new Refusal(retval, "no such interface");
    this.classify.interfaceGone(index);
    for (const [key, neighbor] of this.neighbors) if (neighbor.index === index) this.neighbors.delete(key);
  }

  #setBridge(f: Fields): void {
    const one = this.#interface(f["rx_sw_if_index"]);
    const id = Number(f["bd_id"]);
    if (f["enable"] !== true) {
      delete one.bridge;
      return;
    }
    if (!this.bridges.has(id))
      this.bridges.set(id, {
        bd_id: id,
        learn: true,
        forward: true,
        flood: true,
        uu_flood: true,
        arp_term: false,
        mac_age: 0,
        bd_tag: "",
      });
    one.bridge = { id, bvi: f["port_type"] === 1, shg: Number(f["shg"]) };
  }

  #bridge(f: Fields): void {
    const id = Number(f["bd_id"]);
    if (f["is_add"] === true) {
      if (this.bridges.has(id)) throw new Refusal(-119, "bridge domain exists");
      this.bridges.set(id, { ...f });
      return;
    }
    if (!this.bridges.has(id)) throw new Refusal(-6, "no such bridge domain");
    if ([...this.interfaces.values()].some((one) => one.bridge?.id === id))
      throw new Refusal(-120, "bridge domain in use");
    this.bridges.delete(id);
  }

  #bridgeFlags(message: string, f: Fields): void {
    const bridge = this.bridges.get(Number(f["bd_id"]));
    if (bridge === undefined) throw new Refusal(-6, "no such bridge domain");
    if (message === "bridge_domain_set_mac_age") {
      bridge["mac_age"] = f["mac_age"];
      return;
    }
    const names = ["learn", "forward", "flood", "uu_flood", "arp_term"];
    names.forEach((name, bit) => {
      if ((Number(f["flags"]) & (1 << bit)) !== 0) bridge[name] = f["is_set"];
    });
  }

  #address(f: Fields): void {
    const one = this.#interface(f["sw_if_index"]);
    const prefix = String(f["prefix"]);
    if (f["is_add"] !== true) {
      if (!one.addresses.delete(prefix)) throw new Refusal(-60, "no such address");
      return;
    }
    for (const other of this.interfaces.values()) {
      for (const address of other.addresses) {
        if (address === prefix || (other !== one && overlaps(address, prefix)))
          throw new Refusal(-105, "address in use");
      }
    }
    one.addresses.add(prefix);
  }

  #route(f: Fields): void {
    const route = f["route"] as { prefix: string; table_id: number; paths: Fields[] };
    const key = `${route.prefix} ${route.table_id}`;
    for (const path of route.paths)
      if (path["sw_if_index"] !== 0xffffffff && !this.interfaces.has(Number(path["sw_if_index"])))
        throw new Refusal(-54, "no matching interface");
    if (f["is_add"] === true) this.routes.set(key, { prefix: route.prefix, table: route.table_id, paths: route.paths });
    else this.routes.delete(key);
  }

  #neighbor(f: Fields): void {
    const { sw_if_index: index, ip_address: address, mac_address: mac } = f["neighbor"] as Fields;
    this.#interface(index);
    const key = `${String(address)} ${String(index)}`;
    if (f["is_add"] === true)
      this.neighbors.set(key, { address: String(address), mac: String(mac), index: Number(index) });
    else this.neighbors.delete(key);
  }

  #findVip(of: Pick<ModelVip, "prefix" | "protocol" | "port">): ModelVip {
    const found = this.vips.find(
      (vip) => !vip.removed && vip.prefix === of.prefix && vip.protocol === of.protocol && vip.port === of.port,
    );
    if (found === undefined) throw new Refusal(-6, "no such VIP");
    return found;
  }

  #vip(f: Fields): void {
    const of = vipOf(f);
    if (f["is_del"] === true) {
      const vip = this.#findVip(of);
      vip.removed = true;
      for (const server of vip.servers.values()) server.used = false;
      return;
    }
    const encapNumber = this.fixed ? Number(f["encap"]) : Number(f["encap"]) >>> 24;
    const encap = Object.entries(lbEncaps).find(([, value]) => value === encapNumber)?.[0] ?? "";
    const same = this.vips.filter((vip) => !vip.removed && vip.prefix === of.prefix);
    if (same.some((vip) => vip.port === of.port && vip.protocol === of.protocol)) throw new Refusal(-81, "VIP exists");
    if (same.some((vip) => vip.port === 0 || of.port === 0)) throw new Refusal(-81, "all-port and per-port");
    if (same.some((vip) => vip.encap !== encap)) throw new Refusal(-73, "types differ");
    const size = Number(f["new_flows_table_length"]);
    if (size < 1 || (size & (size - 1)) !== 0) throw new Refusal(-70, "no power of two");
    this.vips.push({
      ...of,
      index: this.#nextVip++,
      encap,
      dscp: Number(f["dscp"]),
      size,
      sticky: f["src_ip_sticky"] === true,
      removed: false,
      servers: new Map(),
    });
  }

  #server(f: Fields): void {
    const vip = this.#findVip(vipOf(f));
    const addresses = [String(f["as_address"])];
    if (f["is_del"] === true) this.#remove(vip, addresses, f["is_flush"] === true);
    else this.#add(vip, addresses, f["weight"] === undefined ? 100 : Number(f["weight"]));
  }

  /** All or nothing, as lb_vip_add_ass. */
  #add(vip: ModelVip, addresses: readonly string[], weight: number): void {
    if (addresses.some((address) => vip.servers.get(address)?.used === true))
      throw new Refusal(-81, "lb as: lb_vip_add_ass error -81");
    for (const address of addresses)
      vip.servers.set(address, { used: true, flows: vip.servers.get(address)?.flows ?? 0, weight });
  }

  #remove(vip: ModelVip, addresses: readonly string[], flush: boolean): void {
    if (addresses.some((address) => !vip.servers.has(address))) throw new Refusal(-6, "lb as: lb_vip_del_ass error -6");
    for (const address of addresses) {
      const server = vip.servers.get(address)!;
      server.used = false;
      if (flush) server.flows = 0;
    }
  }

  #cli(line: string): string {
    if (line === "show abf policy") return this.classify.show();
    if (line === "show lb")
      return `lb_main ip4-src-address: ${this.conf.ip4} \n ip6-src-address: ${this.conf.ip6} \n #vips: ${this.vips.length + 1}\n #ass: 0\n`;
    if (line === "show lb vips verbose") return this.vips.map((vip) => this.#verbose(vip)).join("\n");
    const words = line.split(" ");
    if (words[0] !== "lb" || words[1] !== "as") throw new Error(`the model does not know "${line}"`);
    this.writes++;
    const [, , prefix = "", ...rest] = words;
    let [protocol, port, weight, del, flush] = [255, 0, 100, false, false];
    const addresses: string[] = [];
    for (let i = 0; i < rest.length; i++) {
      const word = rest[i]!;
      if (word === "protocol") protocol = rest[++i] === "udp" ? 17 : 6;
      else if (word === "port") port = Number(rest[++i]);
      else if (word === "weight") weight = Number(rest[++i]);
      else if (word === "del") del = true;
      else if (word === "flush") flush = true;
      else addresses.push(word);
    }
    const vip = this.#findVip({ prefix, protocol, port });
    if (del) this.#remove(vip, addresses, flush);
    else this.#add(vip, addresses, weight);
    return "";
  }

  #verbose(vip: ModelVip): string {
    const family = vip.prefix.includes(":") ? "ip6" : "ip4";
    const used = [...vip.servers]
      .filter(([, server]) => server.used && !vip.removed)
      .map(([address, { weight }]) => ({ address, ...(this.fixed ? { weight } : {}) }));
    const counts = bucketCounts(buildTable(used, vip.size, this.fixed ? "weighted" : "plain"));
    const server = ([address, one]: [string, ModelServer]) => {
      const [buckets, state] = [counts.get(address) ?? 0, one.used ? "used" : " removed"];
      return this.fixed
        ? `    ${address} weight:${one.weight} buckets:${buckets} flows:${one.flows} dpo:1 ${state}\n`
        : `    ${address} ${buckets} buckets   ${one.flows} flows  dpo:1 ${state}\n`;
    };
    return (
      ` ${family}-${vip.encap} [${vip.index}] ${vip.prefix}${vip.sticky ? " src_ip_sticky" : ""}${vip.removed ? " removed" : ""}\n  new_size:${vip.size}\n` +
      (vip.port === 0 ? "" : `  protocol:${vip.protocol} port:${vip.port}\n`) +
      (vip.encap === "l3dsr" ? `  dscp:${vip.dscp}\n` : "") +
      "  counters:\n    packet from existing sessions: 0\n    first session packet: 0\n    untracked packet: 0\n    no server configured: 0\n" +
      `  #as:${vip.servers.size}\n${[...vip.servers].map(server).join("")}`
    );
  }

  #dump(message: string, f: Fields): Fields[] {
    const classified = this.classify.dump(message);
    if (classified !== undefined) return classified;
    switch (message) {
      case "sw_interface_dump":
        return [...this.interfaces].map(([index, one]) => ({
          sw_if_index: index,
          interface_name: one.name,
          interface_dev_type: one.type,
          tag: one.tag,
          l2_address: one.mac,
          flags: one.up ? 3 : 0,
          mtu: [one.mtu, 0, 0, 0],
        }));
      case "af_packet_dump":
        return [...this.interfaces]
          .filter(([, one]) => one.host !== undefined)
          .map(([index, one]) => ({ sw_if_index: index, host_if_name: one.host }));
      case "bridge_domain_dump":
        return [...this.bridges.values()].map((bridge) => {
          const members = [...this.interfaces].filter(([, one]) => one.bridge?.id === bridge["bd_id"]);
          const bvi = members.find(([, one]) => one.bridge?.bvi === true)?.[0] ?? 0xffffffff;
          return {
            ...bridge,
            bvi_sw_if_index: bvi,
            sw_if_details: members.map(([index, one]) => ({ sw_if_index: index, shg: one.bridge!.shg })),
          };
        });
      case "ip_address_dump": {
        const one = this.interfaces.get(Number(f["sw_if_index"]));
        return [...(one?.addresses ?? [])]
          .filter((address) => address.includes(":") === f["is_ipv6"])
          .map((address) => ({ prefix: wirePrefix(address) }));
      }
      case "ip_neighbor_dump":
        return [...this.neighbors.values()]
          .filter((one) => (one.address.includes(":") ? 1 : 0) === f["af"])
          .map(({ address, mac, index }) => ({
            neighbor: { ip_address: wireAddress(address), mac_address: mac, sw_if_index: index, flags: 1 },
          }));
      case "ip_route_dump": {
        const { table_id: table, is_ip6: isIp6 } = f["table"] as { table_id: number; is_ip6: boolean };
        // An lb VIP hides whatever else is known of its prefix.
        const vips = new Set(this.vips.filter((vip) => !vip.removed).map((vip) => vip.prefix));
        const shown = [...this.routes.values()].filter((route) => table !== 0 || !vips.has(route.prefix));
        return shown
          .filter((route) => route.table === table && route.prefix.includes(":") === isIp6)
          .map((route) => ({
            route: {
              prefix: wirePrefix(route.prefix),
              table_id: table,
              paths: route.paths.map(answeredPath),
            },
          }));
      }
      default:
        throw new Error(`the model does not know ${message}`);
    }
  }
}

function vipOf(f: Fields): Pick<ModelVip, "prefix" | "protocol" | "port"> {
  const prefix = formatPrefix(vipPrefixFromWire(f["pfx"] as Parameters<typeof vipPrefixFromWire>[0]));
  return { prefix, protocol: Number(f["protocol"]), port: Number(f["port"]) };
}
