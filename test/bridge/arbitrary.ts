import fc from "fast-check";
import type {
  DesiredInterface,
  DesiredRoute,
  DesiredServer,
  DesiredState,
  DesiredVip,
} from "../../src/bridge/index.ts";
import { vipKey } from "../../src/bridge/index.ts";

/** A small world, so that two arbitrary states of it meet: the same VIPs, servers, interfaces with other settings. */
const serverState = fc.constantFrom("up", "up", "up", "drain", "down") as fc.Arbitrary<DesiredServer["state"]>;

function servers(family: 4 | 6): fc.Arbitrary<DesiredServer[]> {
  const address = fc.integer({ min: 2, max: 9 }).map((n) => (family === 4 ? `10.60.1.${n}` : `2001:db8:60::${n}`));
  const server = fc.record({ address, weight: fc.constantFrom(1, 50, 100), state: serverState });
  return fc.uniqueArray(server, { selector: (one) => one.address, maxLength: 6 });
}

const encap = fc.constantFrom("gre4", "gre6", "l3dsr") as fc.Arbitrary<DesiredVip["encap"]>;
const size = fc.constantFrom(8, 16);

const vip: fc.Arbitrary<DesiredVip> = fc
  .tuple(
    fc.constantFrom("10.2.2.0/24", "10.2.3.1/32", "2001:db8:2::/64"),
    encap,
    size,
    fc.boolean(),
    fc.constantFrom(undefined, 80, 81),
  )
  .chain(([prefix, wanted, tableSize, srcIpSticky, port]) => {
    const type = wanted === "l3dsr" && prefix.includes(":") ? "gre6" : wanted;
    return servers(type === "gre6" ? 6 : 4).map((list): DesiredVip => ({
      prefix,
      ...(port === undefined ? {} : { protocol: port === 80 ? "tcp" : "udp", port }),
      encap: type,
      ...(type === "l3dsr" ? { dscp: tableSize === 8 ? 7 : 9 } : {}),
      tableSize,
      srcIpSticky,
      servers: list,
    }));
  });

/** Without those that VPP would not have beside each other. */
const vips = fc.array(vip, { maxLength: 5 }).map((list) => {
  const kept: DesiredVip[] = [];
  for (const one of list) {
    const same = kept.filter((other) => other.prefix === one.prefix);
    const clash = same.some(
      (other) =>
        vipKey(other) === vipKey(one) ||
        other.port === undefined ||
        one.port === undefined ||
        other.encap !== one.encap,
    );
    if (!clash) kept.push(one);
  }
  return kept;
});

const mac = fc.constantFrom("02:fe:00:00:00:0a", "02:fe:00:00:00:0b");
const mtu = fc.constantFrom(1500, 1600);

function bvi(instance: number): fc.Arbitrary<DesiredInterface> {
  return fc
    .record({
      mac,
      mtu,
      up: fc.boolean(),
      bridge: fc.integer({ min: 1, max: 2 }),
      address: fc.constantFrom("10.60.1.1/24", "10.60.1.254/24", "10.60.0.1/16"),
    })
    .map((one): DesiredInterface => ({
      kind: "loopback",
      instance,
      name: `loop${instance}`,
      mac: one.mac,
      mtu: one.mtu,
      addresses: [one.address],
      bridge: { id: one.bridge, bvi: true, splitHorizonGroup: 0 },
      outside: false,
      up: one.up,
    }));
}

function member(host: string): fc.Arbitrary<DesiredInterface> {
  return fc.record({ mac, mtu, bridge: fc.integer({ min: 1, max: 2 }) }).map((one): DesiredInterface => ({
    kind: "host",
    hostInterface: host,
    name: `host-${host}`,
    mac: one.mac,
    mtu: one.mtu,
    addresses: [],
    bridge: { id: one.bridge, bvi: false, splitHorizonGroup: 0 },
    outside: false,
    up: true,
  }));
}

const uplink: fc.Arbitrary<DesiredInterface> = fc
  .record({ mac, address: fc.constantFrom("10.70.0.1/31", "10.70.0.3/31") })
  .map((one): DesiredInterface => ({
    kind: "host",
    hostInterface: "out",
    name: "host-out",
    mac: one.mac,
    mtu: 1500,
    addresses: [one.address],
    outside: true,
    up: true,
  }));

const route: fc.Arbitrary<DesiredRoute> = fc
  .record({
    prefix: fc.constantFrom("0.0.0.0/0", "10.9.0.0/16"),
    hop: fc.constantFrom("10.70.0.0", "10.70.0.2"),
    weight: fc.constantFrom(1, 2),
  })
  .map((one): DesiredRoute => ({
    prefix: one.prefix,
    table: 0,
    via: [{ address: one.hop, interface: "host-out", weight: one.weight, table: 0 }],
  }));

export const desiredState: fc.Arbitrary<DesiredState> = fc
  .record({
    conf: fc.option(fc.record({ buckets: fc.constantFrom(1024, 65536), timeout: fc.constantFrom(40, 60) }), {
      nil: undefined,
    }),
    vips,
    loop: fc.option(bvi(0), { nil: undefined }),
    members: fc.tuple(fc.option(member("as1"), { nil: undefined }), fc.option(member("as2"), { nil: undefined })),
    uplink: fc.option(uplink, { nil: undefined }),
    routes: fc.uniqueArray(route, { selector: (one) => one.prefix, maxLength: 2 }),
    learn: fc.boolean(),
    neighbor: fc.boolean(),
  })
  .map(({ conf, loop, members, learn, ...one }): DesiredState => {
    const interfaces = [loop, ...members, one.uplink].filter((entry) => entry !== undefined);
    const bridges = [...new Set(interfaces.flatMap((entry) => (entry.bridge === undefined ? [] : [entry.bridge.id])))];
    return {
      ...(conf === undefined
        ? {}
        : {
            lbConf: {
              ip4Source: "10.60.1.1",
              ip6Source: "2001:db8:60::1",
              stickyBuckets: conf.buckets,
              flowTimeoutS: conf.timeout,
              evenWithForeignVips: true,
            },
          }),
      bridges: bridges.map((id) => ({
        id,
        learn,
        forward: true,
        flood: true,
        unknownUnicastFlood: true,
        arpTermination: false,
        macAgeMin: 0,
      })),
      interfaces,
      neighbors:
        one.neighbor && loop !== undefined
          ? [{ address: "10.60.1.7", mac: "02:00:00:00:00:07", interface: "loop0" }]
          : [],
      routes: one.uplink === undefined ? [] : one.routes,
      vips: one.vips,
      ownership: { tag: "vpplb" },
    };
  });
