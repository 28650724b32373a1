import { type ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { VppClient } from "vpp-api-ts";
import { Namespace } from "../../src/kernel/namespace.ts";
import { COMMAND } from "../cli/vpplb.ts";
import { output } from "../kernel/support.ts";

/** What can be on the other side of the API socket here: the embedded dataplane, and VPPLB_VPP_COMMAND's VPP. */
export const VPPS: readonly { readonly name: string; readonly command?: string }[] = [
  { name: "the embedded dataplane" },
  ...(process.env["VPPLB_VPP_COMMAND"] === undefined
    ? []
    : [{ name: "a real VPP", command: process.env["VPPLB_VPP_COMMAND"] }]),
];

/** A VPP in a namespace of its own. */
export class VppPod {
  readonly namespace: Namespace;
  readonly api: string;
  readonly client: VppClient;
  readonly #folder: string;
  readonly #command: string | undefined;
  #child: ChildProcess | undefined;

  private constructor(namespace: Namespace, folder: string, command: string | undefined) {
    this.namespace = namespace;
    this.#folder = folder;
    this.#command = command;
    this.api = join(folder, "api.sock");
    this.client = new VppClient({ socket: this.api, name: "test" });
  }

  static async start(parent: string, name: string, command: string | undefined): Promise<VppPod> {
    const folder = join(parent, name);
    mkdirSync(folder);
    const self = new VppPod(await Namespace.create(name), folder, command);
    await self.#launch();
    return self;
  }

  async #launch(): Promise<void> {
    const [node = "", ...first] = COMMAND;
    this.#child =
      this.#command === undefined
        ? this.namespace.spawn(node, [...first, "dataplane", "--api", this.api], { stdio: "ignore" })
        : this.namespace.spawn(this.#command, [this.#folder], { stdio: "ignore" });
    await this.client.connect({ deadlineMs: 20_000 });
  }

  async restart(): Promise<void> {
    await this.#end();
    this.client.close();
    await this.#launch();
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  /** A memif with addresses, up. @param filename of its socket */
  async memif(filename: string, role: "master" | "slave", addresses: readonly string[]): Promise<void> {
    const { client } = this;
    await client.requestUntyped("memif_socket_filename_add_del_v2", {
      is_add: true,
      socket_id: 7,
      socket_filename: filename,
    });
    const { sw_if_index } = await client.requestUntyped("memif_create_v2", {
      role: role === "master" ? 0 : 1,
      mode: 0,
      rx_queues: 1,
      tx_queues: 1,
      id: 0,
      socket_id: 7,
      ring_size: 1024,
      buffer_size: 2048,
      no_zero_copy: true,
      hw_addr: "00:00:00:00:00:00",
      secret: "",
    });
    await client.requestUntyped("sw_interface_set_flags", { sw_if_index, flags: 1 });
    for (const prefix of addresses)
      await client.requestUntyped("sw_interface_add_del_address", {
        sw_if_index,
        is_add: true,
        del_all: false,
        prefix,
      });
  }

  /** Names of its interfaces, without local0. */
  async interfaces(): Promise<string[]> {
    const all = await this.client.dumpUntyped("sw_interface_dump", {
      sw_if_index: 0xffffffff,
      name_filter_valid: false,
      name_filter: "",
    });
    return all
      .map((one) => String(one["interface_name"]))
      .filter((name) => name !== "local0")
      .sort();
  }

  async sockets(): Promise<string[]> {
    const all = await this.client.dumpUntyped("memif_socket_filename_dump", {});
    return all.filter((one) => one["socket_id"] !== 0).map((one) => String(one["socket_filename"]));
  }

  async close(): Promise<void> {
    this.client.close();
    await this.#end();
    this.namespace.close();
  }
}

/** Whether `ping` gets an answer within a few seconds. */
export async function pings(from: Namespace, address: string): Promise<boolean> {
  const { code } = await output(from, "ping", ["-c", "1", "-W", "1", address]);
  return code === 0;
}
