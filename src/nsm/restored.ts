import { CallKey } from "./call.ts";

/**
 * On the call by which an endpoint takes a connection up again that it had before a restart: it was let in then, and
 * nobody calls now who could prove anything. Only code of this process can set it.
 */
export const RESTORED = new CallKey<true>("restored");
