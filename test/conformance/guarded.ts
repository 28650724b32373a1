import { VppClient } from "vpp-api-ts";
import { namespacesMissing, startEmbedded, startVpp } from "./subject.ts";

const VPP_COMMAND = process.env["VPPLB_VPP_COMMAND"];

export type SubjectName = "embedded" | "VPP";

/** For a suite's title. */
export const named = (name: SubjectName): string => (name === "VPP" ? "a real VPP" : "the embedded dataplane");

export interface Guarded {
  readonly client: VppClient;
  close(): Promise<void>;
}

/** A subject with two loopbacks, and vpp-api-ts's client of it; skips, and says why, where there can be none. */
export async function openGuarded(context: Mocha.Context, name: SubjectName): Promise<Guarded> {
  const reason =
    namespacesMissing() ?? (name === "VPP" && VPP_COMMAND === undefined ? "VPPLB_VPP_COMMAND is not set" : undefined);
  if (reason !== undefined) {
    console.log(`      skipped: ${reason}`);
    context.skip();
  }
  const subject = name === "VPP" ? await startVpp(VPP_COMMAND!) : await startEmbedded();
  const client = new VppClient({ socket: subject.api, name: "quirks" });
  const close = async () => {
    client.close();
    await subject.stop();
  };
  try {
    await client.connect();
    for (let i = 0; i < 2; i += 1) await client.request("create_loopback", {});
  } catch (error) {
    await close();
    throw error;
  }
  return { client, close };
}
