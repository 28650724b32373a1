/** The memif protocol, both roles: see README.md. */
export { MemifError, type MemifErrorCode } from "./errors.ts";
export { MemifListener, type ListenerOptions } from "./listener.ts";
export { MemifMaster } from "./master.ts";
export { MemifSlave } from "./slave.ts";
export { MemifLink } from "./link.ts";
export { BAD, EMPTY, ReceiveQueue } from "./receive-queue.ts";
export { TransmitQueue } from "./transmit-queue.ts";
export { Region } from "./region.ts";
export { Ring } from "./ring.ts";
export type { Memory } from "./copy.ts";
export type { MasterOptions, MemifHandlers, MemifOptions, PeerNames, SlaveOptions } from "./options.ts";
export { DEFAULT_BUFFER_SIZE, DEFAULT_RING_SIZE, MAX_QUEUES, MAX_REGIONS } from "./options.ts";
