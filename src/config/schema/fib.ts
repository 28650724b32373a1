import { z } from "zod";
import { address, interfaceName, mac, prefix, tableId } from "./values.ts";

export const neighbor = z.strictObject({ address, mac, interface: interfaceName });

const routePath = z
  .strictObject({
    address: address.optional(),
    interface: interfaceName.optional(),
    weight: z.int().min(1).max(255).default(1),
    table: tableId.default(0),
  })
  .refine(
    (value) => value.address !== undefined || value.interface !== undefined,
    "needs an `address`, an `interface` or both",
  )
  .meta({ anyOf: [{ required: ["address"] }, { required: ["interface"] }] });

export const route = z.strictObject({ prefix, table: tableId.default(0), via: z.array(routePath).min(1) });
