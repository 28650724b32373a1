import type { Fields } from "../codec/message.ts";
import type { VppClient } from "../client.ts";

/** Looks at a request before it is sent. @throws VppError REFUSED; may look into VPP first */
export type Guard = (fields: Readonly<Fields>, client: VppClient) => Promise<void> | undefined;

export const crashGuards: ReadonlyMap<string, Guard> = new Map();
