import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { ControlError } from "./errors.ts";

/** The same place seen from src/control and from dist/control. */
const PROTO = fileURLToPath(new URL("../../proto/vpplb/control/v1/control.proto", import.meta.url));

let loaded: PackageDefinition | undefined;

export function controlPackage(): PackageDefinition {
  if (loaded === undefined) {
    if (!existsSync(PROTO)) throw new ControlError("PROTOCOL", `this installation lacks ${PROTO}: install it again`);
    // Optional fields are absent where they were not set; all others are always there.
    loaded = loadSync(PROTO, { defaults: true, arrays: true, objects: false, longs: Number, enums: String });
  }
  return loaded;
}

type Constructor = grpc.ServiceClientConstructor;

/** The service's definition and the constructor of its raw client. */
export function controlService(): Constructor {
  const root = grpc.loadPackageDefinition(controlPackage()) as unknown as {
    vpplb: { control: { v1: { Control: Constructor } } };
  };
  return root.vpplb.control.v1.Control;
}

/** gRPC metadata in which the server names error codes. */
export const CODE_KEY = "vpplb-code";
export const REASON_KEY = "vpplb-reason";

/** Of a request: the longest is a lb.yaml, of 16 MiB at most. */
export const MAX_REQUEST_BYTES = 20 << 20;
/** Of an answer. A million rows are more than this: what is longer is refused with the reason. */
export const MAX_MESSAGE_BYTES = 32 << 20;
