import type * as grpc from "@grpc/grpc-js";
import type { Call } from "../call.ts";
import { NsmError } from "../errors.ts";
import { clone, newEndpoint, newService } from "../messages.ts";
import { nsmServices } from "../proto.ts";
import type { ServiceHandlers, StreamHandler, UnaryHandler } from "../server.ts";
import { readToken, type TokenGenerator } from "../token.ts";
import { authorizePath, ownedRegistries } from "./authorize.ts";
import { endpointDescriptors } from "./descriptors.ts";
import { pathIdsOf, pathOfCall, stepPath, writePath } from "./path.ts";
import { registrationTime } from "./registration-time.ts";
import type { Registries, Registry } from "./registry.ts";
import { checkEndpoint, checkService, checkUrl } from "./validate.ts";

export interface RegistryServerOptions {
  readonly tokens: TokenGenerator;
  /** Callers must prove who they are, and change only what is theirs. Default false: only with identities. */
  readonly authorize?: boolean;
}

/** Events that one slow watcher may have waiting; then its stream ends, and it asks again. */
const MAX_WAITING = 1000;

/** The two gRPC services over registries. */
export function registryHandlers(registries: Registries, options: RegistryServerOptions): ServiceHandlers[] {
  const { serviceRegistry, endpointRegistry } = nsmServices();
  const { services, endpoints: known } = options.authorize === true ? ownedRegistries(registries) : registries;
  const endpoints = endpointDescriptors(registrationTime(known));
  return [
    {
      definition: serviceRegistry,
      methods: methodsOf(services, "networkService", newService, options, {
        check: checkService,
        // sdk pkg/registry/common/setpayload
        prepare: (service) => (service.payload ||= "IP"),
      }),
    },
    {
      definition: endpointRegistry,
      methods: methodsOf(endpoints, "networkServiceEndpoint", newEndpoint, options, {
        check: checkEndpoint,
        prepare: checkUrl,
      }),
      close: () => endpoints.close(),
    },
  ];
}

function methodsOf<T extends { pathIds: string[] }>(
  registry: Registry<T>,
  field: string,
  empty: () => T,
  options: RegistryServerOptions,
  { check, prepare }: { check: (info: T) => void; prepare: (info: T) => void },
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
    if (options.authorize === true) authorizePath(path, call);
    const result = await work({ ...info, pathIds: pathIdsOf(path, info.pathIds) });
    writePath(headers, { ...path, index: path.index - 1 });
    return result;
  };
  return {
    Register: {
      kind: "unary",
      run: async (info: T, call, headers) => {
        check(info);
        prepare(info);
        return (await withPath(clone(info), call, headers, (one) => registry.register(one, call))) as object;
      },
    },
    Unregister: {
      kind: "unary",
      run: async (info: T, call, headers) => {
        check(info);
        return withPath(clone(info), call, headers, async (one) => {
          await registry.unregister(one, call);
          return {};
        });
      },
    },
    Find: {
      kind: "stream",
      run: async (query: { watch: boolean } & Record<string, T | null>, call, send) => {
        const wanted = query[field] ?? empty();
        check(wanted);
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
