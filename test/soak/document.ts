import { request } from "node:http";
import { join } from "node:path";
import { linksYaml } from "./links.ts";
import { LB_SOURCES, type World } from "./world.ts";

/** Sockets in the soak's folder. */
export const PATHS = { api: "api.sock", control: "control.sock", http: "http.sock", memif: "memif.sock" } as const;

/** lb.yaml that says a world. */
export function documentOf(world: World, folder: string): object {
  const links = linksYaml(world.links, join(folder, PATHS.memif));
  return {
    vpp: { api: join(folder, PATHS.api), requestTimeoutMs: 5000 },
    control: { socket: join(folder, PATHS.control) },
    state: { journal: join(folder, "journal.json") },
    http: { listen: join(folder, PATHS.http) },
    repair: { periodMs: 2000 },
    lb: { ...LB_SOURCES, stickyBuckets: 1024, flowTimeoutS: world.timeoutS, manage: "always" },
    bridges: world.bridges,
    memifSockets: links["memifSockets"],
    acls: links["acls"],
    interfaces: [...world.interfaces, ...links["interfaces"]!],
    neighbors: world.neighbors,
    routes: world.routes,
    vips: [...world.vips, ...world.steered],
    streams: world.streams,
    flows: world.flows,
  };
}

/** /metrics, read to its end. */
export function scrape(socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path: "/metrics", agent: false }, (response) => {
      response.resume().once("end", resolve).once("error", reject);
      if (response.statusCode !== 200) reject(new Error(`/metrics answers ${response.statusCode}`));
    });
    asking.setTimeout(10_000, () => asking.destroy(new Error("/metrics does not answer")));
    asking.once("error", reject).end();
  });
}
