/** `set acl-plugin ...` (VPP src/plugins/acl/acl.c acl_set_aclplugin_fn). */
import { AclTimeout } from "../../acl/session.ts";
import { refuse } from "../context.ts";
import type { CliContext } from "../context.ts";
import type { Input } from "../unformat.ts";

function number(input: Input, what: string): number {
  const [value] = input.read("%u") ?? [];
  return value ?? refuse(`expecting ${what}, got \`${input.error()}\``);
}

/** What is no setting is left unread, and then unknown input. */
export function aclSettings({ dp: { acl } }: CliContext, input: Input): void {
  const header = input.read("skip-ipv6-extension-header %u %u");
  if (header !== undefined) {
    const [type, value] = header;
    // Which headers are looked behind can't be changed here.
    if (type > 255 || value > 1) refuse("expecting eh=0..255, value=0..1");
    return refuse("not supported by the embedded dataplane");
  }
  const [hash] = input.read("use-hash-acl-matching %u") ?? [];
  if (hash !== undefined) return void (acl.useHash = hash !== 0);
  const [fragments] = input.read("l4-match-nonfirst-fragment %u") ?? [];
  if (fragments !== undefined) return void (acl.matchFragments = fragments !== 0);
  const [reclassify] = input.read("reclassify-sessions %u") ?? [];
  if (reclassify !== undefined) return void (acl.reclassifySessions = reclassify !== 0);
  if (!input.match("session")) return;
  if (input.match("table")) {
    if (input.match("max-entries")) acl.sessions.maxEntries = number(input, "maximum number of entries");
  } else if (input.match("timeout")) setTimeout(acl.sessions.timeoutsS, input);
}

function setTimeout(timeoutsS: Record<number, number>, input: Input): void {
  const seconds = (): number => number(input, "timeout value in seconds");
  if (input.match("udp")) {
    if (input.match("idle")) timeoutsS[AclTimeout.udpIdle] = seconds();
  }
  if (!input.match("tcp")) return;
  if (input.match("idle")) timeoutsS[AclTimeout.tcpIdle] = seconds();
  else if (input.match("transient")) timeoutsS[AclTimeout.tcpTransient] = seconds();
}
