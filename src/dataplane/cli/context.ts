import type { Dataplane } from "../dataplane.ts";
import type { Interface } from "../model.ts";
import { CliError } from "./errors.ts";
import type { CliSession } from "./server.ts";
import type { Command } from "./tree.ts";
import type { Input, Parser } from "./unformat.ts";

/** What every command gets. */
export interface CliContext {
  readonly dp: Dataplane;
  /** Writes a piece of output, ended with a newline where it has none. */
  readonly out: (text: string) => void;
  /** Fires when the session ends or a key is pressed. */
  readonly signal: AbortSignal;
  /** Absent for `cli_inband` and for lines of a file. */
  readonly session: CliSession | undefined;
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
  return (input) => {
    const [name] = input.read("%s") ?? [];
    return name === undefined ? undefined : dp.byName(name);
  };
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
