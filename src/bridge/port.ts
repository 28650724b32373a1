/** What the kinds need of VPP's API; `VppClient` of vpp-api-ts has it. */
export interface VppPort {
  /** Whether this VPP's message table has the message in a version that we know. */
  has(message: string): boolean;
  /** Resolves with the reply's fields; rejects where its retval is not 0, or none came in time. */
  request(message: string, fields: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** All details of a dump. */
  dump(message: string, fields: Record<string, unknown>): Promise<Record<string, unknown>[]>;
  /** Hands out the details as they come, where the port can; else {@link dump} does. For long dumps. */
  dumpEach?(
    message: string,
    fields: Record<string, unknown>,
    next: (details: Record<string, unknown>) => void,
  ): Promise<void>;
  /** One line of the debug CLI; rejects where VPP refuses the line. */
  cli(line: string): Promise<string>;
}

/** Retval of a failed request, if the error is one. */
export function retvalOf(error: unknown): number | undefined {
  const retval = (error as { retval?: unknown } | null)?.retval;
  return typeof retval === "number" ? retval : undefined;
}

/** Names from vnet/error.h for what the operations take as done. */
export const DONE = {
  INVALID_SW_IF_INDEX: -2,
  NO_SUCH_ENTRY: -6,
  VLAN_ALREADY_EXISTS: -56,
  ENTRY_ALREADY_EXISTS: -116,
  IF_ALREADY_EXISTS: -79,
  INSTANCE_IN_USE: -31,
  VALUE_EXIST: -81,
  ADDRESS_NOT_FOUND_FOR_INTERFACE: -60,
  DUPLICATE_IF_ADDRESS: -105,
  BD_ALREADY_EXISTS: -119,
  INVALID_INTERFACE: -71,
} as const;

/** Waits for a request and takes the given retvals for success: the object is already as it should be. */
export async function tolerate<T>(request: Promise<T>, ...retvals: number[]): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    const retval = retvalOf(error);
    if (retval !== undefined && retvals.includes(retval)) return undefined;
    throw error;
  }
}
