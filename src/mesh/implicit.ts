import { newService, type EndpointInfo, type Registries, type Registry } from "@networkservicemesh/sdk-ts";

/**
 * Endpoints of services that nobody has registered register them too, as NSM's managers do: with any payload, and
 * without selectors. What is registered already stays as it is.
 */
export function implicitServices({ services, endpoints }: Registries): Registries {
  const withServices: Registry<EndpointInfo> = {
    async register(info, call) {
      for (const name of info.networkServiceNames) {
        const known = await services.find(newService({ name }), call);
        if (!known.some((one) => one.name === name)) await services.register(newService({ name }), call);
      }
      return endpoints.register(info, call);
    },
    unregister: (info, call) => endpoints.unregister(info, call),
    find: (query, call) => endpoints.find(query, call),
    watch: (query, call, onEvent) => endpoints.watch(query, call, onEvent),
  };
  return { services, endpoints: withServices };
}
