import type * as grpc from "@grpc/grpc-js";
import { NsmError } from "./errors.ts";
import { nsmServices } from "./proto.ts";
import type { ServiceHandlers } from "./server.ts";

/** Watches of one connection. */
const MAX_WATCHES = 100;

/** The full name of a service: that of its methods' paths, `/package.Service/Method`. */
export function serviceName(definition: grpc.ServiceDefinition): string {
  return Object.values(definition)[0]?.path.split("/")[1] ?? "";
}

/**
 * grpc.health.v1 over services that serve for as long as their process does (sdk pkg/tools/grpcutils/health.go). The
 * empty name is the server as a whole.
 */
export function healthHandlers(services: readonly ServiceHandlers[]): ServiceHandlers {
  const names = new Set(["", ...services.map(({ definition }) => serviceName(definition))]);
  let watches = 0;
  return {
    definition: nsmServices().health,
    methods: {
      Check: {
        kind: "unary",
        run: ({ service }: { service: string }) => {
          if (names.has(service)) return Promise.resolve({ status: "SERVING" });
          return Promise.reject(new NsmError("NOT_FOUND", `no service ${JSON.stringify(service.slice(0, 100))} here`));
        },
      },
      Watch: {
        kind: "stream",
        run: async ({ service }: { service: string }, { signal }, send) => {
          if (watches >= MAX_WATCHES)
            throw new NsmError("EXHAUSTED", `${watches} watches of health are served already`);
          watches += 1;
          try {
            send({ status: names.has(service) ? "SERVING" : "SERVICE_UNKNOWN" });
            if (!signal.aborted)
              await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
          } finally {
            watches -= 1;
          }
        },
      },
    },
  };
}
