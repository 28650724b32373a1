import { randomBytes } from "node:crypto";
import { NsmError } from "./errors.ts";
import type { Mechanism } from "./messages.ts";

export const LOCAL = "LOCAL";
export const KERNEL = "KERNEL";
export const MEMIF = "MEMIF";

/** Mechanism parameters (api pkg/api/networkservice/mechanisms). */
export const PARAMETER = {
  inodeUrl: "inodeURL",
  /** The interface's name in the client's namespace. */
  name: "name",
  /** Abstract name of a memif socket in the namespace that inodeURL names. */
  socketFile: "socketfile",
} as const;

/** The kernel takes no longer name (IFNAMSIZ). */
const MAX_INTERFACE_NAME = 15;

/** @param netns path of a network namespace, default this process's */
export function kernelMechanism(name: string, netns = `/proc/${process.pid}/ns/net`): Mechanism {
  return {
    cls: LOCAL,
    type: KERNEL,
    parameters: { [PARAMETER.inodeUrl]: `file://${netns}`, [PARAMETER.name]: checkedName(name) },
  };
}

/** @param socket path of the memif socket; without it the other side chooses one */
export function memifMechanism(socket?: string): Mechanism {
  return {
    cls: LOCAL,
    type: MEMIF,
    parameters: socket === undefined ? {} : { [PARAMETER.inodeUrl]: `file://${socket}` },
  };
}

/** @throws NsmError INVALID */
export function checkedName(name: string): string {
  if (name.length === 0 || name.length > MAX_INTERFACE_NAME || /[\s/:]/.test(name) || name === "." || name === "..")
    throw new NsmError(
      "INVALID",
      `${JSON.stringify(name)} is no interface name: 1 to 15 characters without space, / and :`,
    );
  return name;
}

/** A name that begins with the service's and is unlike others, as the Go SDK makes them (nanoid). */
export function interfaceNameFor(networkService: string): string {
  const prefix = networkService.replaceAll(/[^A-Za-z0-9-]/g, "").slice(0, 10) || "nsm";
  return `${prefix}-${randomBytes(3)
    .toString("hex")
    .slice(0, MAX_INTERFACE_NAME - prefix.length - 1)}`;
}

/** The path of a `file://` url; undefined for other schemes. @throws NsmError INVALID */
export function filePathOf(url: string): string | undefined {
  if (!url.startsWith("file://")) return undefined;
  const path = url.slice("file://".length);
  if (!path.startsWith("/") || path.includes("\0") || path.length > 4096)
    throw new NsmError("INVALID", `${JSON.stringify(url.slice(0, 100))} is no url of a file`);
  return path;
}
