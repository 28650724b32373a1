import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { NsmError } from "./errors.ts";

/** Shipped beside the sources; the second place is seen from the compiled files. */
const PLACES = ["./proto/", "../../proto/"].map((place) => fileURLToPath(new URL(place, import.meta.url)));

export interface NsmServices {
  readonly networkService: ServiceDefinition;
  readonly monitorConnection: ServiceDefinition;
  readonly serviceRegistry: ServiceDefinition;
  readonly endpointRegistry: ServiceDefinition;
  readonly health: ServiceDefinition;
}

let services: NsmServices | undefined;

/** The gRPC services of NSM, by our own .proto files. @throws NsmError INTERNAL (the files are missing) */
export function nsmServices(): NsmServices {
  services ??= load();
  return services;
}

function load(): NsmServices {
  const place = PLACES.find((each) => existsSync(`${each}networkservice.proto`));
  if (place === undefined) throw new NsmError("INTERNAL", `this installation lacks ${PLACES[0]}: install it again`);
  const definition = loadSync(["networkservice.proto", "registry.proto", "health.proto"], {
    includeDirs: [place],
    defaults: true,
    arrays: true,
    objects: true,
    longs: Number,
    enums: String,
  });
  const service = (pack: string, name: string) => definition[`${pack}.${name}`] as ServiceDefinition;
  return {
    networkService: service("networkservice", "NetworkService"),
    monitorConnection: service("connection", "MonitorConnection"),
    serviceRegistry: service("registry", "NetworkServiceRegistry"),
    endpointRegistry: service("registry", "NetworkServiceEndpointRegistry"),
    health: service("grpc.health.v1", "Health"),
  };
}
