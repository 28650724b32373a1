import type * as grpc from "@grpc/grpc-js";
import type { Call } from "../call.ts";
import { NsmError } from "../errors.ts";
import { clone, newEndpoint, newService, type EndpointInfo, type NetworkServiceInfo } from "../messages.ts";
import { nsmServices } from "../proto.ts";
import type { ServiceHandlers, StreamHandler, UnaryHandler } from "../server.ts";
import { readToken, type TokenGenerator } from "../token.ts";
import { pathIdsOf, pathOfCall, stepPath, writePath } from "./path.ts";
import type { Registries, Registry } from "./registry.ts";

export interface RegistryServerOptions {
  readonly tokens: TokenGenerator;
  /** Refuses a caller. @throws NsmError DENIED */
  readonly authorize?: (path: { readonly index: number; readonly tokens: readonly string[] }, call: Call) => void;
}

/** Events that one slow watcher may have waiting; then its stream ends, and it asks again. */
const MAX_WAITING = 1000;
const MAX_NAMES = 1000;
const MAX_TEXT = 1024;

/** The two gRPC services over registries. */
export function registryHandlers(registries: Registries, options: RegistryServerOptions): ServiceHandlers[] {
  const { serviceRegistry, endpointRegistry } = nsmServices();
  return [
    {
      definition: serviceRegistry,
      methods: methodsOf(registries.services, "networkService", newService, options, checkService),
    },
    {
      definition: endpointRegistry,
      methods: methodsOf(registries.endpoints, "networkServiceEndpoint", newEndpoint, options, checkEndpoint),
    },
  ];
}

function methodsOf<T extends { pathIds: string[] }>(
  registry: Registry<T>,
  field: string,
  empty: () => T,
  options: RegistryServerOptions,
  check: (info: T) => void,
): Record<string, UnaryHandler | StreamHandler> {
  const withPath = async <R>(
    info: T,
    call: Call,
    headers: grpc.Metadata,
    work: (info: T) => Promise<R>,
  ): Promise<R> => {
    const before = pathOfCall(call) ?? { index: 0, tokens: [] };
    const own = await options.tokens(call.peer);
    const path = stepPath(before, readToken(call)?.token ?? "", own.token);
    options.authorize?.(path, call);
    const result = await work({ ...info, pathIds: pathIdsOf(path, info.pathIds) });
    writePath(headers, { ...path, index: path.index - 1 });
    return result;
  };
  return {
    Register: {
      kind: "unary",
      run: (info: T, call, headers) => {
        check(info);
        return withPath(clone(info), call, headers, (one) => registry.register(one, call)) as Promise<object>;
      },
    },
    Unregister: {
      kind: "unary",
      run: (info: T, call, headers) =>
        withPath(clone(info), call, headers, async (one) => {
          await registry.unregister(one, call);
          return {};
        }),
    },
    Find: {
      kind: "stream",
      run: async (query: { watch: boolean } & Record<string, T | null>, call, send) => {
        const wanted = query[field] ?? empty();
        if (!query.watch) {
          for (const info of await registry.find(wanted, call)) send({ [field]: info, deleted: false });
          return;
        }
        let waiting = 0;
        await registry.watch(wanted, call, ({ info, deleted }) => {
          waiting = send({ [field]: info, deleted }) ? 0 : waiting + 1;
          if (waiting > MAX_WAITING) throw new NsmError("EXHAUSTED", "this watcher does not read its events");
        });
      },
    },
  };
}

function checkService(info: NetworkServiceInfo): void {
  text("network service", info.name);
  if (info.matches.length > MAX_NAMES)
    throw new NsmError("INVALID", `${info.matches.length} matches, at most ${MAX_NAMES}`);
}

function checkEndpoint(info: EndpointInfo): void {
  text("endpoint", info.name);
  text("url", info.url);
  if (info.networkServiceNames.length > MAX_NAMES)
    throw new NsmError("INVALID", `${info.networkServiceNames.length} network services, at most ${MAX_NAMES}`);
  info.networkServiceNames.forEach((name) => text("network service", name));
}

function text(what: string, value: string): void {
  if (value.length > MAX_TEXT)
    throw new NsmError("INVALID", `${what} of ${value.length} characters, at most ${MAX_TEXT}`);
}
