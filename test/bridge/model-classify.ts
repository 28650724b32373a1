import { Refusal, wirePrefix } from "./model-wire.ts";

type Fields = Record<string, unknown>;

interface ModelPolicy {
  acl: number;
  /** Empty: deleted while attached. */
  paths: Fields[];
}

interface ModelAttachment {
  policy: number;
  index: number;
  priority: number;
  ipv6: boolean;
}

/** VPP is no more. */
export class VppEnded extends Error {}

/**
 * ACLs and ABF as VPP 26.06 was seen to treat them: what misroutes silently there is an error here, what ends VPP
 * throws {@link VppEnded}.
 */
export class ClassifyModel {
  readonly acls = new Map<number, { tag: string; rules: Fields[] }>();
  readonly policies = new Map<number, ModelPolicy>();
  attachments: ModelAttachment[] = [];
  /** `index ip6` of interfaces where VPP looks at attachments. */
  readonly active = new Set<string>();

  /** The interface is gone; what was attached to it is not. */
  interfaceGone(index: number): void {
    for (const ipv6 of [true, false]) this.active.delete(`${index} ${ipv6}`);
  }

  /** @returns the reply, or undefined where the message is none of these */
  request(message: string, f: Fields): Fields | undefined {
    switch (message) {
      case "acl_add_replace":
        return { acl_index: this.#setAcl(f) };
      case "acl_del": {
        const index = Number(f["acl_index"]);
        if (!this.acls.has(index)) throw new Refusal(-6, "no such ACL");
        if (this.attachments.some((one) => this.policies.get(one.policy)?.acl === index))
          throw new Refusal(-149, "in use");
        this.acls.delete(index);
        return {};
      }
      case "abf_policy_add_del":
        this.#policy(f);
        return {};
      case "abf_itf_attach_add_del":
        this.#attach(f);
        return {};
      case "feature_is_enabled":
        return { is_enabled: this.active.has(`${Number(f["sw_if_index"])} ${f["arc_name"] === "ip6-unicast"}`) };
      default:
        return undefined;
    }
  }

  #setAcl(f: Fields): number {
    let index = Number(f["acl_index"]);
    if (index === 0xffffffff) for (index = 0; this.acls.has(index); index++);
    else if (!this.acls.has(index)) throw new Refusal(-6, "no such ACL");
    this.acls.set(index, { tag: String(f["tag"]), rules: f["r"] as Fields[] });
    return index;
  }

  #policy(f: Fields): void {
    const {
      policy_id: id,
      acl_index: acl,
      paths,
    } = f["policy"] as { policy_id: number; acl_index: number; paths: Fields[] };
    const found = this.policies.get(id);
    if (f["is_add"] === true) {
      if (found !== undefined) throw new Error(`policy ${id} is there: VPP would leave it on a freed path list`);
      if (!this.acls.has(acl)) throw new Error(`VPP would take ACL ${acl}, which is not there`);
      this.policies.set(id, { acl, paths });
      return;
    }
    if (found === undefined) throw new Refusal(-7, "no such policy");
    if (this.attachments.some((one) => one.policy === id)) found.paths = [];
    else this.policies.delete(id);
  }

  #attach(f: Fields): void {
    const {
      policy_id: policy,
      sw_if_index: index,
      priority,
      is_ipv6: ipv6,
    } = f["attach"] as {
      policy_id: number;
      sw_if_index: number;
      priority: number;
      is_ipv6: boolean;
    };
    if (!this.policies.has(policy)) throw new VppEnded(`policy ${policy} is attached and does not exist`);
    const found = this.attachments.find((one) => one.policy === policy && one.index === index);
    const key = `${index} ${ipv6}`;
    const others = this.attachments.filter((one) => one.index === index && one.ipv6 === ipv6);
    if (f["is_add"] === true) {
      if (found !== undefined) throw new Refusal(-116, "attached");
      this.attachments.push({ policy, index, priority, ipv6 });
      if (others.length === 0) this.active.add(key);
      return;
    }
    if (found === undefined) throw new Refusal(-6, "not attached");
    if (found.ipv6 !== ipv6) throw new VppEnded("detached with the other family");
    this.attachments = this.attachments.filter((one) => one !== found);
    if (others.length === 1) this.active.delete(key);
  }

  dump(message: string): Fields[] | undefined {
    switch (message) {
      case "acl_dump":
        return [...this.acls].map(([index, { tag, rules }]) => ({
          acl_index: index,
          tag,
          r: rules.map((rule) => ({
            ...rule,
            src_prefix: wirePrefix(String(rule["src_prefix"])),
            dst_prefix: wirePrefix(String(rule["dst_prefix"])),
          })),
        }));
      case "abf_policy_dump":
        return [...this.policies].map(([id, { acl, paths }]) => {
          if (paths.length === 0) throw new VppEnded(`policy ${id} is dumped and has no paths`);
          return { policy: { policy_id: id, acl_index: acl, paths: paths.map(answeredPath) } };
        });
      case "acl_interface_list_dump":
        return [];
      case "abf_itf_attach_dump":
        return this.attachments.map(({ policy, index, priority, ipv6 }) => ({
          attach: { policy_id: policy, sw_if_index: index, priority, is_ipv6: ipv6 },
        }));
      default:
        return undefined;
    }
  }

  /** `show abf policy` */
  show(): string {
    return [...this.policies]
      .map(
        ([id, { acl, paths }]) =>
          `abf:[0]: policy:${id} acl:${acl}\n ${paths.length === 0 ? "no forwarding" : "path-list:[1]"}\n`,
      )
      .join("");
  }
}

/** A path as VPP gives it back. */
export function answeredPath(path: Fields): Fields {
  return { ...path, nh: { address: { ip4: "0.0.0.0", ip6: "::", ...(path["nh"] as { address: Fields }).address } } };
}
