import type { Dataplane } from "../dataplane.ts";
import type { HostInterfaceOptions, HostInterfaceResult } from "../host-interface.ts";
import type { Interface } from "../model.ts";
import { CliError } from "./errors.ts";
import type { CliSession } from "./server.ts";
import type { Command } from "./tree.ts";
import type { Input, Parser } from "./unformat.ts";

/** Where host-interfaces come from: the kernel's devices by default. */
export interface HostInterfaces {
  create(dp: Dataplane, options: HostInterfaceOptions): HostInterfaceResult;
  /** A VPP return value. */
  delete(dp: Dataplane, hostIfName: string): number;
}

/** What every command gets. */
export interface CliContext {
  readonly dp: Dataplane;
  /** Writes a piece of output, ended with a newline where it has none. */
  readonly out: (text: string) => void;
  /** Fires when the session ends or a key is pressed. */
  readonly signal: AbortSignal;
  /** Absent for `cli_inband` and for lines of a file. */
  readonly session: CliSession | undefined;
  readonly hosts: HostInterfaces;
  /** Runs further lines in the same session (`exec`). */
  readonly nested: (text: string) => Promise<number>;
}

export type CliCommand = Command<CliContext>;

/** Refuses with VPP's words; a command's path comes in front. */
export function refuse(what: string): never {
  throw new CliError(what);
}

/** An interface by its full name (`unformat_vnet_sw_interface`). */
export function interfaceName(dp: Dataplane): Parser<Interface> {
  const known: Parser<Interface> = (input) => {
    const [name] = input.read("%s") ?? [];
    return name === undefined ? undefined : dp.byName(name);
  };
  return (input) => {
    // As a format, so that the cursor goes back to an unknown name even at the end of input.
    const [found] = input.read("%U", known) ?? [];
    // What looks like a sub-interface stays read (interface_format.c unformat_vnet_sw_interface).
    if (found === undefined && /^\s*[^.\s]+\.\d/.test(input.rest())) input.read("%s");
    return found;
  };
}

/** The name of what has an index, or that it is gone (interface_format.c format_vnet_sw_if_index_name). */
export function nameOrDeleted(dp: Dataplane, swIfIndex: number): string {
  return dp.interfaces.get(swIfIndex)?.name ?? `DELETED (${swIfIndex})`;
}

/** An interface, or `unknown interface` with what stands there instead. */
export function needInterface(context: CliContext, input: Input): Interface {
  const found = input.user(interfaceName(context.dp));
  return found ?? refuse(`unknown interface \`${input.error()}'`);
}

/** Calls `option` until the line is used up; it returns false for what it does not know. */
export function eachOption(input: Input, option: () => boolean): boolean {
  while (!input.atEnd()) if (!option()) return false;
  return true;
}
