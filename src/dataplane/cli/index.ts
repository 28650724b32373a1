/** The dataplane's CLI: VPP's commands over VPP's CLI socket and `cli_inband`. */
import type { Dataplane } from "../dataplane.ts";
import { abfCommands } from "./commands/abf.ts";
import { aclCommands } from "./commands/acl.ts";
import { interfaceCommands } from "./commands/interfaces.ts";
import { hardwareCommands } from "./commands/hardware.ts";
import { hostCommands } from "./commands/host.ts";
import { ipCommands } from "./commands/ip.ts";
import { l2Commands } from "./commands/l2.ts";
import { lbCommands } from "./commands/lb.ts";
import { memifCommands } from "./commands/memif.ts";
import { neighborCommands } from "./commands/neighbors.ts";
import { pingCommands } from "./commands/ping.ts";
import { systemCommands } from "./commands/system.ts";
import { traceCommands } from "./commands/trace.ts";
import { reassemblyCommands } from "./commands/reassembly.ts";
import { tapCommands } from "./commands/tap.ts";
import { vlanCommands } from "./commands/vlan.ts";
import { createHostInterface, deleteHostInterface } from "../host-interface.ts";
import type { CliContext, HostInterfaces } from "./context.ts";
import { CliError } from "./errors.ts";
import { CliServer } from "./server.ts";
import type { CliServerOptions, CliSession } from "./server.ts";
import { CommandTree } from "./tree.ts";
import { FOREIGN_WORDS } from "./words.ts";

export { CliError } from "./errors.ts";
export { CliServer } from "./server.ts";
export type { HostInterfaces } from "./context.ts";

/** All commands. Of `show lb` and `show lb vips` the later one comes first in help, as in VPP. */
export const commandTree = new CommandTree<CliContext>(
  [
    ...systemCommands,
    ...interfaceCommands,
    ...hardwareCommands,
    ...hostCommands,
    ...memifCommands,
    ...l2Commands,
    ...ipCommands,
    ...neighborCommands,
    ...lbCommands,
    ...abfCommands,
    ...aclCommands,
    ...pingCommands,
    ...traceCommands,
    ...vlanCommands,
    ...tapCommands,
    ...reassemblyCommands,
  ],
  FOREIGN_WORDS,
);

/** Output of one `cli_inband`; what is longer is refused, as a reply must fit the client. */
const MAX_OUTPUT_CHARACTERS = 64 << 20;

const KERNEL: HostInterfaces = { create: createHostInterface, delete: deleteHostInterface };

interface Session {
  readonly hosts?: HostInterfaces;
  readonly out: (text: string) => void;
  readonly signal: AbortSignal;
  readonly session?: CliSession;
}

async function execute(dp: Dataplane, text: string, io: Session): Promise<number> {
  const out = (piece: string): void => {
    if (piece !== "") io.out(piece.endsWith("\n") ? piece : `${piece}\n`);
  };
  const context: CliContext = {
    ...{ dp, out, signal: io.signal, session: io.session, hosts: io.hosts ?? KERNEL },
    nested: (line) => commandTree.run(context, line),
  };
  try {
    return await commandTree.run(context, text);
  } catch (cause) {
    // A fault of ours, not the user's; VPP would end here.
    out(`internal error: ${cause instanceof Error ? cause.message : String(cause)}`);
    return -1;
  }
}

/**
 * Runs CLI lines and gives what they print, as VPP's `cli_inband` does (src/vlibmemory/vlib_api.c:86).
 * @returns `retval` 0, or -1 where a line was refused; `output` holds the refusal too
 */
export async function runCli(
  dp: Dataplane,
  line: string,
  options: { readonly signal?: AbortSignal; readonly hosts?: HostInterfaces } = {},
): Promise<{ retval: number; output: string }> {
  const pieces: string[] = [];
  let length = 0;
  const out = (text: string): void => {
    length += text.length;
    if (length > MAX_OUTPUT_CHARACTERS) throw new CliError("output too long", { code: "LIMIT" });
    pieces.push(text);
  };
  const retval = await execute(dp, line, {
    ...{ out, signal: options.signal ?? new AbortController().signal },
    ...(options.hosts === undefined ? {} : { hosts: options.hosts }),
  });
  return { retval, output: pieces.join("") };
}

/** Serves the CLI socket, for `vppctl -s PATH`. */
export function listenCli(dp: Dataplane, options: Omit<CliServerOptions, "execute" | "complete">): Promise<CliServer> {
  return CliServer.listen({
    ...options,
    complete: (text) => commandTree.completions(text),
    execute: (text, io) => execute(dp, text, io),
  });
}
