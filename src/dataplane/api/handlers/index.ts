import type { Handlers } from "../handler.ts";
import { abfHandlers } from "./abf.ts";
import { aclHandlers } from "./acl.ts";
import { afPacketHandlers } from "./af-packet.ts";
import { arpingHandlers } from "./arping.ts";
import { controlHandlers } from "./control.ts";
import { featureHandlers } from "./feature.ts";
import { interfaceHandlers } from "./interface.ts";
import { ipHandlers } from "./ip.ts";
import { l2Handlers } from "./l2.ts";
import { lbHandlers } from "./lb.ts";
import { memifHandlers } from "./memif.ts";
import { neighborHandlers } from "./neighbor.ts";
import { reassemblyHandlers } from "./reassembly.ts";
import { tapHandlers } from "./tap.ts";
import { vlanHandlers } from "./vlan.ts";

/** Every message that is served, by name; `sockclnt_create` and `sockclnt_delete` are the server's own. */
export const handlers: Handlers = {
  ...controlHandlers,
  ...interfaceHandlers,
  ...afPacketHandlers,
  ...memifHandlers,
  ...l2Handlers,
  ...ipHandlers,
  ...neighborHandlers,
  ...lbHandlers,
  ...vlanHandlers,
  ...tapHandlers,
  ...reassemblyHandlers,
  ...aclHandlers,
  ...abfHandlers,
  ...featureHandlers,
  ...arpingHandlers,
};
