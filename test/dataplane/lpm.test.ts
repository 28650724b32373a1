import assert from "node:assert/strict";
import fc from "fast-check";
import { Fib } from "../../src/dataplane/fib/fib.ts";
import { Hash6 } from "../../src/dataplane/fib/hash6.ts";
import { Mtrie4 } from "../../src/dataplane/fib/mtrie4.ts";
import { mask4, maskBytes, prefix4 } from "../../src/dataplane/fib/prefix.ts";
import { MacTable } from "../../src/dataplane/l2/mac-table.ts";

/** Few distinct bits, so that prefixes overlap and addresses hit. */
const address4 = fc
  .tuple(fc.constantFrom(10, 192), fc.nat(3), fc.nat(3), fc.constantFrom(0, 1, 127, 128, 255))
  .map(([a, b, c, d]) => ((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
const prefix4s = fc.record({ address: address4, length: fc.integer({ min: 0, max: 32 }), isAdd: fc.boolean() });

function naive4(routes: Map<string, { address: number; length: number; value: number }>, address: number) {
  let best = { length: -1, value: -1 };
  for (const route of routes.values())
    if ((address & mask4(route.length)) >>> 0 === route.address && route.length > best.length) best = route;
  return best;
}

describe("dataplane: longest-prefix match", () => {
  it("IPv4 trie agrees with a naive table through adds and removals", () => {
    fc.assert(
      fc.property(
        fc.array(prefix4s, { maxLength: 60 }),
        fc.array(address4, { minLength: 5, maxLength: 30 }),
        (ops, probes) => {
          const trie = new Mtrie4();
          const routes = new Map<string, { address: number; length: number; value: number }>();
          ops.forEach((op, value) => {
            const address = (op.address & mask4(op.length)) >>> 0;
            const key = `${address}/${op.length}`;
            if (op.isAdd) {
              routes.set(key, { address, length: op.length, value });
              trie.insert(address, op.length, value);
            } else if (routes.delete(key)) {
              const covers = new Map([...routes].filter(([, route]) => route.length < op.length));
              const cover = naive4(covers, address);
              trie.remove(address, op.length, cover.value, Math.max(0, cover.length));
            }
            for (const probe of probes) assert.equal(trie.lookup(probe), naive4(routes, probe).value);
          });
        },
      ),
      { numRuns: 150 },
    );
  });

  it("IPv6 hash agrees with a naive table through adds and removals", () => {
    const address6 = fc
      .array(fc.constantFrom(0, 1, 0x80, 0xff), { minLength: 3, maxLength: 3 })
      .map(([a, b, c]) => Uint8Array.of(0x20, 1, a!, 0, 0, 0, 0, b!, 0, 0, 0, 0, 0, 0, 0, c!));
    const op = fc.record({
      address: address6,
      length: fc.constantFrom(0, 8, 16, 17, 24, 33, 63, 64, 65, 96, 127, 128),
      isAdd: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(op, { maxLength: 80 }),
        fc.array(address6, { minLength: 3, maxLength: 20 }),
        (ops, probes) => {
          const hash = new Hash6();
          const routes = new Map<string, { prefix: string; length: number; value: number }>();
          ops.forEach(({ address, length, isAdd }, value) => {
            const prefix = maskBytes(address, length).join();
            if (isAdd) {
              routes.set(`${prefix}/${length}`, { prefix, length, value });
              hash.insert(address, length, value);
            } else if (routes.delete(`${prefix}/${length}`)) hash.remove(address, length);
          });
          for (const probe of probes) {
            let best = { length: -1, value: -1 };
            for (const route of routes.values())
              if (route.length > best.length && maskBytes(probe, route.length).join() === route.prefix) best = route;
            assert.equal(hash.lookup(probe, 0), best.value);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("the FIB's packet path agrees with its entries, whatever sources come and go", () => {
    const op = fc.record({
      address: address4,
      length: fc.constantFrom(0, 8, 15, 16, 17, 24, 30, 32),
      source: fc.constantFrom("API", "CLI", "lb"),
      nextHop: address4,
      isAdd: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(op, { maxLength: 40 }),
        fc.array(address4, { minLength: 3, maxLength: 15 }),
        (ops, probes) => {
          const fib = new Fib({ interface: () => undefined });
          const table = fib.tables4.get(0)!;
          const before = [fib.entries.size, fib.pathLists.lists.size, fib.loadBalances.size];
          const live = new Map<string, () => void>();
          for (const { address, length, source, nextHop, isAdd } of ops) {
            const prefix = prefix4(address, length);
            const key = `${prefix.address}/${length}/${source}`;
            if (isAdd) {
              fib.update(0, prefix, source as "API", new Set(), [{ nextHop }]);
              live.set(key, () => fib.delete(0, prefix, source as "API"));
            } else if (live.has(key)) {
              live.get(key)!();
              live.delete(key);
            }
            for (const probe of probes)
              assert.equal(table.forwarding4.lookup(probe), fib.lookup(0, probe)!.loadBalance.index);
          }
          for (const remove of live.values()) remove();
          assert.deepEqual([fib.entries.size, fib.pathLists.lists.size, fib.loadBalances.size], before, "all freed");
          assert.equal(fib.adjacencies.pool.size, 0);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("the MAC table agrees with a map", () => {
    const op = fc.record({ mac: fc.nat(400), bd: fc.nat(2), isAdd: fc.boolean() });
    const macOf = (n: number) => Uint8Array.of(2, 0, 0, 0, n >> 8, n & 255);
    fc.assert(
      fc.property(fc.array(op, { maxLength: 900 }), (ops) => {
        const table = new MacTable();
        const map = new Map<string, number>();
        ops.forEach(({ mac, bd, isAdd }, value) => {
          if (isAdd) {
            table.set(bd, macOf(mac), value);
            map.set(`${bd}/${mac}`, value);
          } else {
            table.delete(bd, macOf(mac));
            map.delete(`${bd}/${mac}`);
          }
        });
        assert.equal(table.size, map.size);
        for (let mac = 0; mac <= 400; mac += 1)
          for (let bd = 0; bd < 3; bd += 1) assert.equal(table.get(bd, macOf(mac), 0), map.get(`${bd}/${mac}`) ?? -1);
      }),
      { numRuns: 60 },
    );
  });
});
