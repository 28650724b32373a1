import { VppClient } from "../client.ts";
import type { ApiJson } from "../codec/json.ts";

/** The definitions of all that a running VPP has loaded (get_api_json, from 24.10 on). @throws VppError */
export async function fetchApiJson(socket: string): Promise<ApiJson[]> {
  const client = new VppClient({ socket, name: "vpp-api-gen", reconnect: false, requestTimeoutMs: 30_000 });
  await client.connect();
  try {
    const { json } = await client.request("get_api_json");
    const parsed = JSON.parse(json.replace(/\0+$/, "")) as unknown;
    return (Array.isArray(parsed) ? parsed : [parsed]) as ApiJson[];
  } finally {
    client.close();
  }
}
