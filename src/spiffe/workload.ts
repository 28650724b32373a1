import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { SpiffeError } from "./errors.ts";

/** The same from sources and from compiled files. */
const PROTO = fileURLToPath(new URL("../../proto/workload.proto", import.meta.url));
/** The Workload API wants it with every call, so that a request forged through a browser cannot reach it. */
const SECURITY_HEADER = "workload.spiffe.io";

/** `X509SVIDResponse` of proto/workload.proto. */
export interface SvidResponse {
  readonly svids: readonly {
    readonly spiffeId: string;
    readonly x509Svid: Uint8Array;
    readonly x509SvidKey: Uint8Array;
    readonly bundle: Uint8Array;
  }[];
  readonly federatedBundles: Readonly<Record<string, Uint8Array>>;
}

let service: grpc.ServiceDefinition | undefined;

/** The service of the Workload API. @throws SpiffeError INPUT: the installation is incomplete */
export function workloadService(): grpc.ServiceDefinition {
  if (service !== undefined) return service;
  if (!existsSync(PROTO)) throw new SpiffeError("INPUT", `this installation lacks ${PROTO}: install it again`);
  const definition = loadSync(PROTO, { defaults: true, arrays: true, objects: true });
  service = definition["SpiffeWorkloadAPI"] as unknown as grpc.ServiceDefinition;
  return service;
}

/** SVIDs and bundles now, and again whenever something of them changes. */
export function fetchX509Svids(client: grpc.Client): grpc.ClientReadableStream<object> {
  const method = workloadService()["FetchX509SVID"] as grpc.MethodDefinition<object, object>;
  const metadata = new grpc.Metadata();
  metadata.set(SECURITY_HEADER, "true");
  return client.makeServerStreamRequest(method.path, method.requestSerialize, method.responseDeserialize, {}, metadata);
}

/** The address of a Workload API as gRPC names it (SPIFFE Workload Endpoint, section 4). @throws SpiffeError INPUT */
export function workloadTarget(socket = process.env["SPIFFE_ENDPOINT_SOCKET"]): string {
  if (socket === undefined || socket === "")
    throw new SpiffeError("INPUT", "where is the Workload API? Set SPIFFE_ENDPOINT_SOCKET to unix:///path");
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(socket);
  if (unix !== null) return `unix:${unix[1]!}`;
  const tcp = /^tcp:\/\/((?:\[[0-9a-fA-F:]+\]|[\d.]+):\d{1,5})$/.exec(socket);
  if (tcp !== null) return `dns:${tcp[1]!}`;
  throw new SpiffeError("INPUT", `${socket} is no address of a Workload API: unix:///path or tcp://address:port`);
}
