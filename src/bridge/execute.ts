import { runAbf } from "./abf.ts";
import { runAcl } from "./acl.ts";
import { runAddress } from "./address.ts";
import { runBridge } from "./bridge-domain.ts";
import { runInterface } from "./interface-run.ts";
import { runLink } from "./link-run.ts";
import { runMemifSocket } from "./memif.ts";
import { runTable } from "./table.ts";
import type { ExecuteContext } from "./kind.ts";
import { runLbConf } from "./lb-conf.ts";
import { runNeighbor } from "./neighbor.ts";
import { runReassemblyLimits } from "./reassembly.ts";
import { runRoute } from "./route.ts";
import { runServers } from "./server.ts";
import type { Action } from "./types.ts";
import { runVip } from "./vip.ts";

/**
 * Does one action to VPP. Doing it again does no harm: what is already so counts as done.
 * Rejects with the binding's VppError where VPP refuses, with BridgeError where it cannot be asked.
 */
export async function execute(action: Action, context: ExecuteContext): Promise<void> {
  switch (action.type) {
    case "lb-conf":
      return runLbConf(action, context);
    case "bridge-create":
    case "bridge-update":
    case "bridge-delete":
      return runBridge(action, context);
    case "interface-create":
    case "interface-delete":
    case "interface-tag":
    case "interface-state":
    case "interface-mtu":
    case "interface-mac":
    case "interface-bridge":
      return runInterface(action, context);
    case "interface-table":
    case "interface-cross-connect":
    case "interface-tag-rewrite":
    case "interface-reassembly":
    case "interface-acl":
      return runLink(action, context);
    case "reassembly-limits":
      return runReassemblyLimits(action, context);
    case "memif-socket":
      return runMemifSocket(action, context);
    case "table":
      return runTable(action, context);
    case "address":
      return runAddress(action, context);
    case "neighbor":
      return runNeighbor(action, context);
    case "route":
      return runRoute(action, context);
    case "vip-create":
    case "vip-delete":
      return runVip(action, context);
    case "servers-add":
    case "servers-delete":
    case "server-weight":
      return runServers(action, context);
    case "acl-set":
    case "acl-delete":
      return runAcl(action, context);
    case "abf-policy-create":
    case "abf-policy-delete":
    case "abf-attach":
    case "abf-detach":
      return runAbf(action, context);
  }
}
