/**
 * An endpoint of ours as a process that can be killed: `endpoint.ts -listen=URL -connect=MANAGER [-lifetime=10s] [-service=NAME]`.
 * It says what it serves, a JSON object a line, and ends with its standard input.
 */
import { parseArgs } from "node:util";
import {
  endpointChain,
  insecureTokens,
  kernelServer,
  mechanisms,
  memifServer,
  receiveDescriptors,
  RegistryClient,
  returnDescriptors,
  serveNsm,
  sharedNetworkIpam,
  type ChainElement,
} from "@networkservicemesh/sdk-ts";

function say(event: string, more: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
}

/** `10s`, `1500ms`. */
function milliseconds(text: string): number {
  return Number.parseInt(text) * (text.endsWith("ms") ? 1 : 1000);
}

const observe: ChainElement = (next) => ({
  async request(request, call) {
    const connection = await next.request(request, call);
    const { srcIpAddrs = [] } = connection.context?.ipContext ?? {};
    say("request", { client: connection.path?.pathSegments[0]?.name, id: connection.id, src: srcIpAddrs });
    return connection;
  },
  async close(connection, call) {
    await next.close(connection, call);
    say("close", { client: connection.path?.pathSegments[0]?.name, id: connection.id });
  },
});

async function main(): Promise<void> {
  const text = { type: "string" } as const;
  // Flags have one dash, as the Go peers' do.
  const { values } = parseArgs({
    args: process.argv.slice(2).map((each) => `-${each}`),
    options: {
      listen: text,
      connect: text,
      lifetime: { ...text, default: "600s" },
      service: { ...text, default: "load-balancer" },
    },
  });
  const abort = new AbortController();
  const tokens = insecureTokens("spiffe://test.com/subject", milliseconds(values.lifetime));
  const memif = memifServer(() => values.listen!.slice("unix://".length));
  const elements = [
    sharedNetworkIpam({ prefix: "10.60.1.0/24" }, { prefix: "2001:db8:60::/64" }),
    receiveDescriptors(),
    returnDescriptors(),
    mechanisms({ KERNEL: kernelServer(), MEMIF: memif }),
    observe,
  ];
  const endpoint = endpointChain({ name: "ours", tokens, elements }, abort.signal);
  endpoint.monitor.listen({ pathSegments: [] }, ({ type, connections }) => {
    for (const { id, state } of Object.values(connections)) say("monitored", { type, id, state });
  });
  const server = await serveNsm({ listen: values.listen!, services: endpoint.services });
  const registry = new RegistryClient({ url: values.connect!, tokens });
  const { service } = values;
  await registry.registerService({ name: service, payload: "ETHERNET" });
  const labels = { [service]: { labels: { app: "lb" } } };
  const info = { name: "ours", url: server.url, networkServiceNames: [service], networkServiceLabels: labels };
  const registration = await registry.registerEndpoint(info);
  say("registered", { name: registration.info.name });
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once("end", resolve));
  await registration.unregister();
  abort.abort();
  registry.close();
  await server.close();
}

await main();
process.exit(0);
