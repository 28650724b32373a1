import { randomUUID } from "node:crypto";
import type { ChainElement } from "../chain.ts";
import { NsmError } from "../errors.ts";
import { newConnection, newSegment, type Connection } from "../messages.ts";

/** Longer paths are refused: no mesh has so many hops. */
const MAX_SEGMENTS = 64;

/**
 * Takes the next place in the connection's path, as every hop does (sdk pkg/networkservice/common/updatepath): appends a
 * segment of this name with an id of its own, or takes the one that is there. On the way back the connection has this
 * hop's id and index again.
 */
export function updatePath(name: string): ChainElement {
  return (next) => ({
    async request(request, call) {
      const connection = (request.connection ??= newConnection());
      const index = step(connection, name);
      const result = await next.request(request, call);
      const segment = result.path?.pathSegments[index];
      if (result.path != null && segment !== undefined) {
        result.id = segment.id;
        result.path.index = index;
      }
      return result;
    },
    close(connection, call) {
      step(connection, name);
      return next.close(connection, call);
    },
  });
}

/** @returns the index to go back to */
function step(connection: Connection, name: string): number {
  const path = (connection.path ??= { index: 0, pathSegments: [] });
  const { pathSegments: segments } = path;
  if (segments.length > MAX_SEGMENTS) throw new NsmError("INVALID", `a path of ${segments.length} segments`);
  if (segments.length === 0) {
    path.index = 0;
    connection.id ||= randomUUID();
    segments.push(newSegment({ name, id: connection.id }));
    return 0;
  }
  const current = segments[path.index];
  if (current === undefined)
    throw new NsmError("INVALID", `path index ${path.index} is outside of its ${segments.length} segments`);
  if (current.name === name) {
    connection.id = current.id;
    return path.index;
  }
  if (current.id !== connection.id)
    throw new NsmError("INVALID", `path segment ${path.index} has id ${current.id}, the connection ${connection.id}`);
  const following = segments[path.index + 1];
  if (following === undefined) segments.push(newSegment({ name, id: randomUUID() }));
  else if (following.name !== name) Object.assign(following, { name, id: randomUUID() });
  path.index += 1;
  connection.id = segments[path.index]!.id;
  return path.index - 1;
}
