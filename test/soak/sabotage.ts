import { parseLbVips, type VppClient } from "vpp-api-ts";
import type { Random } from "./random.ts";
import { FOREIGN_VIPS } from "./truth.ts";
import type { World, WorldVip } from "./world.ts";

const ALL = 0xffffffff;

/** Somebody with vppctl who changes what is ours, and owns things of his own, which must stay. */
export class Saboteur {
  readonly #client: VppClient;
  readonly #random: Random;
  readonly #foreign = new Set<string>();
  /** Of VPP: what one confirmed, another does not have. */
  #life = 0;

  constructor(client: VppClient, random: Random) {
    this.#client = client;
    this.#random = random;
  }

  /** VPP was killed: his things are gone too. */
  forget(): void {
    this.#life += 1;
    this.#foreign.clear();
  }

  /** Does something. @returns what; that it cannot be done is no failure */
  async act(world: World): Promise<string> {
    const act = this.#random.weighted<() => Promise<string>>([
      [4, () => this.#cli(this.#serverLine(world, "del"))],
      [2, () => this.#cli(this.#serverLine(world, "add"))],
      [2, () => this.#cli(this.#vipLine(world))],
      [1, () => this.#foreignVip()],
      [2, () => this.#interface()],
      [1, () => this.#route(world)],
      [1, () => this.#neighbor(world)],
      [2, () => this.#steering()],
    ]);
    return act();
  }

  /** Lines for those of his VIPs that are gone. */
  async foreignMissing(): Promise<string[]> {
    if (this.#foreign.size === 0) return [];
    const live = parseLbVips(await this.#client.cli("show lb vips verbose")).filter((vip) => !vip.removed);
    const there = new Set(live.map((vip) => vip.prefix));
    return [...this.#foreign].filter((prefix) => !there.has(prefix)).map((prefix) => `- foreign vip ${prefix}`);
  }

  #cli(line: string | undefined): Promise<string> {
    return line === undefined ? Promise.resolve("nothing") : this.#attempt(line, () => this.#client.cli(line));
  }

  #serverLine(world: World, what: "add" | "del"): string | undefined {
    if (world.vips.length === 0) return undefined;
    const vip = this.#random.pick(world.vips);
    const known = vip.servers.map(({ address }) => address);
    const stranger = vip.encap === "gre6" ? "2001:db8:60:1::99" : "10.60.1.99";
    if (what === "add") return `lb as ${selector(vip)} ${stranger}`;
    return known.length === 0 ? undefined : `lb as ${selector(vip)} ${this.#random.pick(known)} del`;
  }

  #vipLine(world: World): string | undefined {
    return world.vips.length === 0 ? undefined : `lb vip ${selector(this.#random.pick(world.vips))} del`;
  }

  /** Counts as his only what this VPP has confirmed: it may be killed at any moment. */
  async #foreignVip(): Promise<string> {
    const prefix = `${FOREIGN_VIPS}0.${1 + this.#random.below(4)}/32`;
    const life = this.#life;
    const del = this.#foreign.delete(prefix);
    const line = del ? `lb vip ${prefix} del` : `lb vip ${prefix} encap gre4 new_len 8`;
    return this.#attempt(line, async () => {
      await this.#client.cli(line);
      if (!del && life === this.#life) this.#foreign.add(prefix);
    });
  }

  async #interface(): Promise<string> {
    const all = await this.#client.dumpAll("sw_interface_dump", { sw_if_index: ALL });
    const ours = all.filter((one) => one.tag.startsWith("vpplb"));
    if (ours.length === 0) return "nothing";
    const { sw_if_index, interface_name: name } = this.#random.pick(ours);
    const kind = this.#random.pick(["down", "addresses", "mtu", "unbridge", "delete"] as const);
    await this.#change(kind, sw_if_index, name).catch(() => undefined);
    return `${name} ${kind}`;
  }

  async #change(kind: "down" | "addresses" | "mtu" | "unbridge" | "delete", sw_if_index: number, name: string) {
    const client = this.#client;
    if (kind === "down") await client.request("sw_interface_set_flags", { sw_if_index, flags: 0 });
    else if (kind === "addresses")
      await client.request("sw_interface_add_del_address", { sw_if_index, is_add: false, del_all: true });
    else if (kind === "mtu") await client.request("sw_interface_set_mtu", { sw_if_index, mtu: [1234, 0, 0, 0] });
    else if (kind === "unbridge")
      await client.request("sw_interface_set_l2_bridge", { rx_sw_if_index: sw_if_index, enable: false });
    else if (name.startsWith("loop")) await client.request("delete_loopback", { sw_if_index });
    else if (name.includes(".")) await client.request("delete_subif", { sw_if_index });
    else if (name.startsWith("memif")) await client.request("memif_delete", { sw_if_index });
    else await client.request("af_packet_delete", { host_if_name: name.slice("host-".length) });
  }

  /** Takes a part of how flows are steered or filtered away. */
  async #steering(): Promise<string> {
    const attached = await this.#client.dumpAll("abf_itf_attach_dump", {});
    if (attached.length > 0 && this.#random.chance(0.5)) {
      const { attach } = this.#random.pick(attached);
      return this.#attempt(`policy ${attach.policy_id} detached`, () =>
        this.#client.request("abf_itf_attach_add_del", { is_add: false, attach }),
      );
    }
    const bound = await this.#client.dumpAll("acl_interface_list_dump", { sw_if_index: ALL });
    if (bound.length > 0 && this.#random.chance(0.3)) {
      const { sw_if_index } = this.#random.pick(bound);
      return this.#attempt(`interface ${sw_if_index} without its lists`, () =>
        this.#client.request("acl_interface_set_acl_list", { sw_if_index, count: 0, n_input: 0, acls: [] as never }),
      );
    }
    const lists = await this.#client.dumpAll("acl_dump", { acl_index: 0xffffffff });
    if (lists.length === 0) return "nothing";
    const { acl_index, tag } = this.#random.pick(lists);
    return this.#attempt(`acl ${tag} emptied`, () =>
      this.#client.request("acl_add_replace", { acl_index, tag, r: [] as never }),
    );
  }

  #route(world: World): Promise<string> {
    if (world.routes.length === 0) return Promise.resolve("nothing");
    const { prefix } = this.#random.pick(world.routes);
    return this.#attempt(`route ${prefix} deleted`, () =>
      this.#client.request("ip_route_add_del", {
        is_add: false,
        is_multipath: false,
        route: { prefix, n_paths: 0, paths: [] } as never,
      }),
    );
  }

  async #neighbor(world: World): Promise<string> {
    if (world.neighbors.length === 0) return "nothing";
    const { address } = this.#random.pick(world.neighbors);
    const all = await this.#client.dumpAll("ip_neighbor_dump", { sw_if_index: ALL, af: 0 });
    const wanted = address.split(".").map(Number).join();
    const found = all.find(({ neighbor }) => neighbor.ip_address.un.ip4.join() === wanted);
    if (found === undefined) return "nothing";
    return this.#attempt(`neighbor ${address} deleted`, () =>
      this.#client.request("ip_neighbor_add_del", { is_add: false, neighbor: found.neighbor }),
    );
  }

  async #attempt(text: string, work: () => Promise<unknown>): Promise<string> {
    try {
      await work();
      return text;
    } catch (error) {
      return `${text}: ${(error as Error).message}`;
    }
  }
}

function selector(vip: WorldVip): string {
  return vip.protocol === undefined ? vip.prefix : `${vip.prefix} protocol ${vip.protocol} port ${vip.port}`;
}
