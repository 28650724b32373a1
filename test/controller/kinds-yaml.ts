import fc from "fast-check";

/** Every kind that needs no kernel interface. */
export function kindsYaml(directory: string, secret: string): string {
  return `
memifSockets:
  - { id: 1, filename: ${directory}/m1.sock }
  - { id: 2, filename: ${directory}/m2.sock }
tables: [{ id: 7, name: red }]
acls:
  - name: web
    rules:
      - { action: permit, src: 10.0.0.0/8, protocol: tcp, dstPorts: [80, 8000-8999], tcpFlags: { set: [syn], unset: [ack] } }
      - { action: reflect, protocol: udp, dst: ["2001:db8::/32", 10.2.0.0/16], srcPorts: [1024-65535] }
      - { action: permit, protocol: icmp6 }
  - name: ping
    rules: [{ action: permit, protocol: icmp, icmpType: 8, icmpCode: 0 }]
interfaces:
  - { loopback: 0, mac: "02:fe:00:00:00:02", addresses: [10.60.1.1/24], bridge: { id: 1, bvi: true } }
  - { memif: { socket: 1, id: 0, role: master, secret: ${secret} }, mac: "02:fe:00:00:01:00", mtu: 1400, bridge: { id: 1 } }
  - { memif: { socket: 2, id: 5, role: slave, ringSize: 512, rxQueues: 2, txQueues: 2 }, mac: "02:fe:00:00:02:05",
      addresses: [10.70.0.1/31, "2001:db8:70::1/64"], outside: true, acl: { in: [web, ping], out: [ping] } }
  - { memif: { socket: 1, id: 1, role: master }, mac: "02:fe:00:00:01:01" }
  - { vlan: { parent: memif1/1, id: 100 }, bridge: { id: 1 } }
  - { vlan: { parent: memif1/1, id: 200 }, addresses: [10.80.0.1/24], table: 7, acl: { in: [ping] }, reassembly: virtual }
  - { vlan: { parent: memif1/1, id: 300 }, crossConnect: { to: memif1/2 } }
  - { memif: { socket: 1, id: 2, role: master, bufferSize: 4096 }, mac: "02:fe:00:00:01:02" }
routes:
  - { prefix: 0.0.0.0/0, via: [{ address: 10.70.0.0, interface: memif2/5 }] }
  - { prefix: 10.9.0.0/16, table: 7, via: [{ address: 10.80.0.2, interface: memif1/1.200 }] }
`;
}

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const mode = fc.constantFrom("full", "virtual", "off", undefined);
const aclNames = fc.uniqueArray(fc.constantFrom("a", "b"), { maxLength: 2 });
const acl = optional(fc.record({ in: aclNames, out: aclNames }));

const rule = fc.oneof(
  fc.record({
    action: fc.constantFrom("permit", "deny", "reflect"),
    protocol: fc.constant("tcp"),
    dstPorts: fc.constantFrom([80], ["100-200", 443]),
  }),
  fc.record({ action: fc.constant("permit"), src: fc.constantFrom("10.0.0.0/8", "2001:db8::/32") }),
  fc.record({
    action: fc.constant("deny"),
    protocol: fc.constantFrom("icmp", "icmp6"),
    icmpType: fc.constantFrom(8, 128),
  }),
);

/** What an interface is used for; all of them change from one to the other in place. */
const use = (address: string) =>
  fc.oneof(
    fc.record({
      addresses: fc.constant([address]),
      table: fc.constantFrom(0, 7, 8),
      outside: fc.boolean(),
      acl,
      reassembly: mode,
    }),
    fc.record({ bridge: fc.record({ id: fc.constantFrom(1, 2) }), acl }),
    fc.record({ acl, mtu: fc.constantFrom(1400, 1500) }),
  );

const memif = (id: number, socket: number, role: string) =>
  fc
    .record({
      memif: fc.record({
        socket: fc.constant(socket),
        id: fc.constant(id),
        role: fc.constant(role),
        ringSize: fc.constantFrom(512, 1024),
        secret: fc.constantFrom("one", "two"),
      }),
      mac: fc.constantFrom(`02:fe:00:00:0${socket}:0${id}`, `02:fe:00:01:0${socket}:0${id}`),
      use: use(`10.${socket}0.${id}.1/24`),
    })
    .map(({ use: how, ...one }) => ({ ...one, ...how }));

const vlan = (id: number) =>
  fc
    .record({
      vlan: fc.record({
        parent: fc.constant("memif1/1"),
        id: fc.constant(id),
        tagRewrite: fc.constantFrom("pop", "none"),
      }),
      up: fc.boolean(),
      use: use(`10.99.${id}.1/24`),
    })
    .map(({ use: how, ...one }) => ({ ...one, ...how }));

/** The loopback `0` and one side of a cross-connect have no use of their own. */
const peers = fc
  .record({
    connected: fc.boolean(),
    tagRewrite: fc.constantFrom("pop", "none"),
    mac: fc.constantFrom("02:fe:00:00:01:09", "02:fe:00:00:01:0a"),
  })
  .map(({ connected, tagRewrite, mac }) => [
    { vlan: { parent: "memif1/1", id: 30, tagRewrite }, ...(connected ? { crossConnect: { to: "memif1/9" } } : {}) },
    { memif: { socket: 1, id: 9, role: "master" }, mac },
  ]);

/** Small worlds that meet: the same interfaces with other settings, as text (JSON is YAML). */
export function randomYaml(directory: string): fc.Arbitrary<string> {
  return fc
    .record({
      trunk: memif(1, 1, "master"),
      one: optional(memif(2, 1, "master")),
      slave: optional(memif(3, 2, "slave")),
      vlans: fc.tuple(optional(vlan(10)), optional(vlan(20))),
      peers: optional(peers),
      rules: fc.tuple(fc.array(rule, { maxLength: 3 }), fc.array(rule, { maxLength: 3 })),
      file: fc.constantFrom("x", "y"),
    })
    .map(({ trunk, one, slave, vlans, peers: pair, rules, file }) => {
      const interfaces = [trunk, one, slave, ...vlans, ...(pair ?? [])].filter((entry) => entry !== undefined);
      return JSON.stringify({
        memifSockets: [
          { id: 1, filename: `${directory}/r1.sock` },
          { id: 2, filename: `${directory}/r2${file}.sock` },
        ],
        acls: [
          { name: "a", rules: rules[0] },
          { name: "b", rules: rules[1] },
        ],
        interfaces,
        vips: [],
      });
    });
}
