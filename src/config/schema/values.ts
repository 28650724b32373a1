import { z } from "zod";
import { canonicalAddress, canonicalPrefix } from "../../bridge/index.ts";

/** Whether `parse` takes the text. */
function accepts(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  };
}

export const address = z
  .string()
  .refine(accepts(canonicalAddress), "not an IPv4 or IPv6 address")
  .meta({ title: "Address", examples: ["10.60.1.2", "2001:db8:60::2"] });

export const prefix = z
  .string()
  .refine(accepts(canonicalPrefix), "not a prefix: address/length")
  .meta({ title: "Prefix", examples: ["10.2.2.0/24", "2001:db8:2::/64"] });

export const mac = z
  .string()
  .regex(
    /^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/,
    'not a MAC: six pairs of hex digits with ":", quoted ("02:fe:00:00:00:01")',
  )
  .meta({ title: "MAC", examples: ["02:fe:00:00:00:01"] });

export const path = z.string().min(1).max(4096);

/** sun_path of Linux holds 108 bytes with its NUL. */
export const socketPath = z.string().min(1).max(107, "a unix socket's path has at most 107 characters");

export const interfaceName = z.string().min(1).max(63);

/** Of VIPs, streams, flows. */
export const name = z
  .string()
  .regex(
    /^[A-Za-z0-9]([-A-Za-z0-9._]{0,61}[A-Za-z0-9])?$/,
    "up to 63 letters, digits, - . _, a letter or digit first and last",
  );
export const tableId = z.int().min(0).max(0xfffffffe);

export const share = z.number().min(0).max(1);
