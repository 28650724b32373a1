import assert from "node:assert/strict";
import fc from "fast-check";
import {
  buildTable,
  bucketCounts,
  disruption,
  explainFlow,
  flowHash,
  MaglevError,
  parseIp46Prefix,
  serverOfSlot,
} from "../../src/maglev/index.ts";
import { xxhash64 } from "../../src/maglev/xxhash.ts";

const address4 = fc.ipV4();
const servers = fc
  .uniqueArray(fc.record({ address: address4, weight: fc.integer({ min: 0, max: 100 }) }), {
    selector: (server) => server.address,
    maxLength: 40,
  })
  .filter((list) => list.length > 0);
const size = fc.integer({ min: 0, max: 12 }).map((bits) => 2 ** bits);

/** clib_xxhash with BigInt, straight from its definition. */
function naiveXxhash(key: bigint): bigint {
  const m = (1n << 64n) - 1n;
  const [p1, p2, p3, p4, p5] = [
    11400714785074694791n,
    14029467366897019727n,
    1609587929392839161n,
    9650029242287828579n,
    2870177450012600261n,
  ] as const;
  const rotate = (x: bigint, bits: bigint) => ((x << bits) | (x >> (64n - bits))) & m;
  let h = (0x9e3779b97f4a7c13n + p5 + 8n) & m;
  h ^= (rotate((key * p2) & m, 31n) * p1) & m;
  h = (rotate(h, 27n) * p1 + p4) & m;
  h = ((h ^ (h >> 33n)) * p2) & m;
  h = ((h ^ (h >> 29n)) * p3) & m;
  return h ^ (h >> 32n);
}

/** CRC32C, bit by bit, no inversions. */
function naiveCrc(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return crc >>> 0;
}

/** The servers of every slot, written from VPP's rules (plugins/lb/lb.c:375) and by nothing of the code under test. */
function naiveTable(addresses: readonly string[], size: number): string[] {
  const key = (address: string) => {
    const low = address.split(".").reduce((sum, part, i) => sum + (BigInt(part) << BigInt(8 * i)), 0n);
    return low << 32n;
  };
  const number = (address: string) => address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const mask = BigInt(size - 1);
  const states = [...addresses]
    .sort((a, b) => number(a) - number(b))
    .map((address) => {
      const seed = naiveXxhash(key(address));
      return { address, skip: ((seed & 0xffffffffn) | 1n) & mask, last: (seed >> 32n) & mask };
    });
  const slots = new Array<string | undefined>(size).fill(undefined);
  for (let filled = 0; ;) {
    for (const state of states) {
      for (;;) {
        const slot = Number(state.last);
        state.last = (state.last + state.skip) & mask;
        if (slots[slot] !== undefined) continue;
        slots[slot] = state.address;
        break;
      }
      if (++filled === size) return slots as string[];
    }
  }
}

describe("maglev table", () => {
  it("is what the rules say, slot by slot", () => {
    const addresses = fc.uniqueArray(address4, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(addresses, size, (list, slots) => {
        const table = buildTable(
          list.map((address) => ({ address })),
          slots,
          "plain",
        );
        const got = Array.from({ length: slots }, (_, slot) => serverOfSlot(table, slot));
        assert.deepEqual(got, naiveTable(list, slots));
      }),
    );
  });

  it("hashes 64-bit keys as XXH64 does", () => {
    const out = new Uint32Array(2);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (key) => {
        xxhash64(Number(key >> 32n), Number(key & 0xffffffffn), out);
        assert.equal((BigInt(out[0]!) << 32n) | BigInt(out[1]!), naiveXxhash(key));
      }),
      { numRuns: 2000 },
    );
  });

  it("hashes flows as a chain of CRC32C over five u64", () => {
    const port = fc.integer({ min: 0, max: 65535 });
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), port, port, fc.boolean(), (src, dst, srcPort, dstPort, srcIpSticky) => {
        const bytes = new Uint8Array(40);
        bytes.set([...src.split("."), ...dst.split(".")].map(Number));
        if (!srcIpSticky) bytes.set([dstPort >> 8, dstPort & 255, srcPort >> 8, srcPort & 255], 8);
        const flow = { src, dst, protocol: "udp" as const, srcPort, dstPort };
        assert.equal(flowHash(flow, { srcIpSticky }), naiveCrc(bytes));
      }),
    );
  });

  it("fills every slot, is even, and does not depend on the order of the servers", () => {
    fc.assert(
      fc.property(servers, size, (list, slots) => {
        const table = buildTable(list, slots);
        const counts = [...bucketCounts(table).values()];
        assert.equal(
          counts.reduce((a, b) => a + b),
          slots,
        );
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
        assert.deepEqual(buildTable([...list].reverse(), slots), table);
      }),
    );
  });

  it("gives weighted servers slots in proportion, none at weight 0", () => {
    fc.assert(
      fc.property(servers, (list) => {
        const table = buildTable(list, 4096, "weighted");
        const counts = bucketCounts(table);
        const total = list.reduce((sum, server) => sum + server.weight, 0);
        for (const { address, weight } of list) {
          const share = total === 0 ? 0 : (4096 * weight) / total;
          assert.ok(Math.abs(counts.get(address)! - share) <= weight, `${address}: ${counts.get(address)} of ${share}`);
        }
      }),
    );
  });

  it("is the plain table where every weight is 1", () => {
    fc.assert(
      fc.property(servers, size, (list, slots) => {
        const ones = list.map(({ address }) => ({ address, weight: 1 }));
        assert.deepEqual(buildTable(ones, slots, "weighted").slots, buildTable(ones, slots, "plain").slots);
      }),
    );
  });

  it("moves little more than the share of the server that leaves", () => {
    const list = Array.from({ length: 100 }, (_, i) => ({ address: `10.0.0.${i + 1}` }));
    const change = disruption(buildTable(list, 65536), buildTable(list.slice(1), 65536));
    assert.ok(change.idealShare > 0.0099 && change.idealShare < 0.0101);
    assert.ok(change.movedShare - change.idealShare < 0.01, `${change.movedShare}`);
    assert.equal(disruption(buildTable(list, 1024), buildTable(list, 1024)).movedShare, 0);
  });

  it("refuses bad input with a code", () => {
    const refused = (run: () => unknown, code: string) =>
      assert.throws(run, (error) => error instanceof MaglevError && error.code === code);
    for (const bad of [0, 3, 1000, 2 ** 21, -8, 1.5, NaN]) refused(() => buildTable([], bad), "TABLE_SIZE");
    refused(() => buildTable([{ address: "10.0.0" }], 16), "ADDRESS");
    refused(() => buildTable([{ address: "10.0.0.1" }, { address: "10.0.0.1" }], 16), "DUPLICATE");
    refused(() => buildTable([{ address: "::1" }, { address: "0:0:0:0:0:0:0:1" }], 16), "DUPLICATE");
    refused(() => buildTable([{ address: "10.0.0.1", weight: 101 }], 16), "WEIGHT");
    refused(() => parseIp46Prefix("10.0.0.0/33"), "ADDRESS");
    refused(() => flowHash({ src: "10.0.0.1", dst: "::1", protocol: "other" }), "FLOW");
    refused(() => flowHash({ src: "10.0.0.1", dst: "10.0.0.2", protocol: "tcp", srcPort: 1, dstPort: 65536 }), "FLOW");
  });

  it("explains why a flow misses a VIP", () => {
    const vip = { prefix: "10.2.2.0/24", protocol: "tcp", port: 80 } as const;
    const table = buildTable([{ address: "10.60.1.2" }], 16);
    const flow = { src: "192.0.2.1", dst: "10.2.2.9", protocol: "tcp", srcPort: 1, dstPort: 80 } as const;
    const found = explainFlow(vip, table, flow);
    assert.ok(found.hit && found.server === "10.60.1.2");
    for (const miss of [{ dst: "10.2.3.9" }, { protocol: "udp" as const }, { dstPort: 81 }]) {
      assert.equal(explainFlow(vip, table, { ...flow, ...miss }).hit, false);
    }
  });

  it("has no server where there is none", () => {
    const table = buildTable([], 16);
    assert.deepEqual(
      [...table.slots],
      Array.from({ length: 16 }, () => -1),
    );
  });
});
