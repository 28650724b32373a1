import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  checkedName,
  NsmError,
  PARAMETER,
  type Mechanism,
  type NetworkServiceRequest,
} from "@networkservicemesh/sdk-ts";
import type { LinkRecord } from "./record.ts";
import type { NseSettings } from "./settings.ts";

export type MechanismType = LinkRecord["type"];

type Asked = Pick<NetworkServiceRequest, "connection" | "mechanismPreferences">;

/**
 * The connection's own mechanism stays; else what it has if that is offered, else the first that is here and carries
 * the payload.
 * @throws NsmError UNSUPPORTED
 */
export function chooseMechanism(
  { connection, mechanismPreferences }: Asked,
  here: readonly MechanismType[],
  has: MechanismType | undefined,
): MechanismType {
  const isHere = (type: string): type is MechanismType => here.some((each) => each === type);
  const given = connection?.mechanism?.type;
  const asked = given === undefined ? mechanismPreferences.map((each) => each.type) : [given];
  const usable = asked.filter(isHere);
  if (has !== undefined && (usable.includes(has) || asked.length === 0)) return has;
  const first = usable.find((type) => carries(type, connection?.payload ?? ""));
  if (first !== undefined) return first;
  if (usable.length > 0) {
    const service = JSON.stringify(connection?.networkService ?? "");
    throw new NsmError(
      "UNSUPPORTED",
      `payload IP cannot be carried by ${usable.join(", ")}: clients' interfaces are in a bridge. Give network service ${service} payload ETHERNET where it is registered, or ask for KERNEL`,
    );
  }
  throw new NsmError(
    "UNSUPPORTED",
    `none of the mechanisms ${asked.map((one) => JSON.stringify(one.slice(0, 32))).join(", ") || "(none)"} is here: only ${here.join(", ")}`,
  );
}

/**
 * With payload IP a memif of NSM has no Ethernet headers, and cannot be in a bridge; a kernel interface has them all the
 * same. A Request that came by no manager may name no payload: nothing is known of it.
 */
function carries(type: MechanismType, payload: string): boolean {
  return type === "KERNEL" || payload !== "IP";
}

/** With what the client said of it. */
export function askedMechanism({ connection, mechanismPreferences }: Asked, type: MechanismType): Mechanism {
  const given = connection?.mechanism ?? mechanismPreferences.find((each) => each.type === type);
  return { cls: "LOCAL", type, parameters: { ...given?.parameters } };
}

/** A connection's interface at our end, named after it. @param nextSocket a number for a memif socket that nobody uses */
export function newLink(
  id: string,
  type: MechanismType,
  { memifDirectory }: Pick<NseSettings, "memifDirectory">,
  nextSocket: () => number,
): LinkRecord {
  const digest = createHash("sha256").update(id).digest("hex").slice(0, 10);
  if (type === "KERNEL") return { type, device: checkedName(`nsm-${digest}`) };
  const socket = nextSocket();
  return { type, socket, filename: join(memifDirectory, `nsm-${digest}-${socket}.sock`) };
}

/** Writes into the answered mechanism where our end is. */
export function nameLink({ parameters }: Mechanism, link: LinkRecord, { netns }: Pick<NseSettings, "netns">): void {
  if (link.type === "KERNEL") {
    parameters[PARAMETER.name] = link.device;
    parameters[PARAMETER.inodeUrl] = `file://${netns}`;
  } else {
    delete parameters[PARAMETER.socketFile];
    parameters[PARAMETER.inodeUrl] = `file://${link.filename}`;
  }
}
