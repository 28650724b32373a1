import type { ApiJson } from "../codec/json.ts";
export async function fetchApiJson(_socket: string): Promise<ApiJson[]> {
  throw new Error("not yet");
}
