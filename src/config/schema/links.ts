import { z } from "zod";
import { interfaceName, mac, name, prefix, tableId } from "./values.ts";

/** 1..2^32-2 */
const socketId = z.int().min(1).max(0xfffffffe);

export const memifSocket = z.strictObject({
  id: socketId.describe("Named by memif interfaces; 0 is VPP's own memif.sock and needs no entry"),
  filename: z
    .string()
    .max(107, "a unix socket's path has at most 107 characters")
    .regex(/^(\/|abstract:).+/, "an absolute path, or abstract:NAME")
    .describe("Where masters listen and slaves connect; its directory must exist"),
});

export const memif = z.strictObject({
  socket: z.int().min(0).max(0xfffffffe).default(0).describe("Id of a socket of memifSockets; 0: VPP's own"),
  id: z.int().min(0).max(0xffffffff).default(0).describe("The same at both ends"),
  role: z.enum(["master", "slave"]).default("slave").describe("The master listens, the slave connects"),
  mode: z.enum(["ethernet", "ip"]).default("ethernet"),
  ringSize: z.int().min(2).max(16_384).default(1024).describe("Packets in a ring, a power of two; the slave's counts"),
  bufferSize: z.int().min(64).max(65_535).default(2048).describe("Bytes of a buffer; the slave's counts"),
  rxQueues: z.int().min(1).max(255).default(1).describe("The slave's count"),
  txQueues: z.int().min(1).max(255).default(1).describe("The slave's count"),
  secret: z
    .string()
    .refine((text) => Buffer.byteLength(text) <= 23, "a memif secret has at most 23 bytes")
    .optional()
    .describe("The same at both ends; never shown"),
  zeroCopy: z.boolean().default(true).describe("Slaves: packets stay in VPP's own buffers"),
});

export const vlan = z.strictObject({
  parent: interfaceName.describe("VPP's name of the interface that carries the tagged frames"),
  id: z.int().min(1).max(4094),
  tagRewrite: z
    .enum(["pop", "none"])
    .default("pop")
    .describe("In a bridge or cross-connect: pop takes the tag off on the way in and puts it on on the way out"),
});

export const tap = z.strictObject({
  id: z.int().min(0).max(0xfffffffe),
  name: z
    .string()
    .regex(/^[^\s/:]{1,15}$/, "a kernel's name of an interface: up to 15 characters without space, / and :")
    .optional()
    .describe("Of the kernel's end. Default: tapID"),
  namespace: z.string().min(1).max(63).optional().describe("Network namespace of the kernel's end"),
  hostMac: mac.optional(),
  hostAddresses: z.array(prefix).max(2).default([]).describe("Of the kernel's end: at most one of each family"),
});

export const crossConnect = z.strictObject({
  to: interfaceName.describe("Frames of the one leave by the other, both ways; written at one of the two"),
});

export const aclLists = z.strictObject({
  in: z.array(name).max(255).default([]).describe("Names of acls, asked in this order; what none permits is dropped"),
  out: z.array(name).max(255).default([]),
});

export const reassembly = z
  .enum(["full", "virtual", "off"])
  .describe("Of fragments on the way in, IPv4 and IPv6. Default: full where the interface is outside, else off");

/** What is not given stays as VPP has it, except maxFragments. */
export const reassemblyLimits = z.strictObject({
  manage: z.boolean().default(true).describe("false: VPP's limits are never changed"),
  maxFragments: z
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe("Of one datagram; longer ones are dropped. Default: at least 64, which 64 KB over links of 1,500 need"),
  maxReassemblies: z
    .int()
    .min(1)
    .max(65_536)
    .optional()
    .describe("Datagrams at a time on each core. Default: as VPP has it, 1024"),
  timeoutMs: z.int().min(10).max(60_000).optional().describe("From the last fragment on. Default: as VPP has it, 200"),
  expireIntervalMs: z
    .int()
    .min(10)
    .max(60_000)
    .optional()
    .describe("How often VPP looks for what has timed out. Default: as VPP has it, 50"),
});

export const table = z.strictObject({
  id: tableId.min(1),
  name: z
    .string()
    .regex(/^[\x21-\x7e]{1,40}$/, "up to 40 printable characters")
    .optional(),
});

const ports = z.union([
  z.int().min(0).max(65_535),
  z.string().regex(/^\d{1,5}(-\d{1,5})?$/, 'not a port or a range of ports: "80", "5000-5999"'),
]);
const small = z.union([
  z.int().min(0).max(255),
  z.string().regex(/^\d{1,3}(-\d{1,3})?$/, 'not a number up to 255 or a range: "8", "0-15"'),
]);
const flag = z.enum(["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"]);

const aclRule = z.strictObject({
  action: z.enum(["permit", "deny", "reflect"]).describe("reflect: permit, and let the answers back"),
  src: z
    .union([prefix, z.array(prefix).min(1)])
    .optional()
    .describe("Default: any"),
  dst: z
    .union([prefix, z.array(prefix).min(1)])
    .optional()
    .describe("Default: any"),
  protocol: z
    .union([z.enum(["any", "tcp", "udp", "sctp", "icmp", "icmp6", "gre"]), z.int().min(0).max(255)])
    .default("any"),
  srcPorts: z.array(ports).default([]).describe("TCP and UDP; default: all"),
  dstPorts: z.array(ports).default([]).describe("TCP and UDP; default: all"),
  icmpType: small.optional(),
  icmpCode: small.optional(),
  tcpFlags: z
    .strictObject({ set: z.array(flag).default([]), unset: z.array(flag).default([]) })
    .optional()
    .describe("Flags that must be set and unset; others do not matter"),
});

export const acl = z.strictObject({
  name,
  rules: z.array(aclRule).describe("The first that matches decides; what none matches is dropped"),
});
