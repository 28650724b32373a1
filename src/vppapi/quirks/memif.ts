import type { Fields } from "../codec/message.ts";
import { refused } from "./lb-encoding.ts";

/** memif_mode: ethernet and ip. Anything else ends VPP when it cleans up (plugins/memif/memif.c memif_create_if; seen on 26.06). */
const MAX_MODE = 1;

export function createMemif(name: string) {
  return (fields: Readonly<Fields>): undefined => {
    if (Number(fields["mode"] ?? 0) > MAX_MODE) throw refused(name, "a mode that is neither ethernet nor ip ends VPP");
    return undefined;
  };
}
