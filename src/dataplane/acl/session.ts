/** acl.h acl_timeout_e. */
export const AclTimeout = { udpIdle: 1, tcpIdle: 2, tcpTransient: 3 } as const;
export type AclTimeoutType = (typeof AclTimeout)[keyof typeof AclTimeout];

/** One flow that `permit+reflect` let through. */
export interface AclSession {
  readonly swIfIndex: number;
  /** The direction in which it began. */
  readonly isInput: boolean;
  readonly protocol: number;
  readonly key: string;
  readonly reverseKey: string | undefined;
  /** Of the interface's lists when it was made. */
  readonly epoch: number;
  lastActiveS: number;
  /** TCP flags seen so far. */
  flagsIn: number;
  flagsOut: number;
}

const TCP = 6;
const RST_FIN_ACK_SYN = 0x17;
const ACK_SYN = 0x12;

/** Established where SYN and ACK, but neither FIN nor RST, were seen both ways (fa_session_get_timeout_type). */
export function timeoutType({ protocol, flagsIn, flagsOut }: AclSession): AclTimeoutType {
  if (protocol !== TCP) return AclTimeout.udpIdle;
  const established = (flagsIn & RST_FIN_ACK_SYN) === ACK_SYN && (flagsOut & RST_FIN_ACK_SYN) === ACK_SYN;
  return established ? AclTimeout.tcpIdle : AclTimeout.tcpTransient;
}
