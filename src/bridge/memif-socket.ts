import { interfaceOperationId, isOurInterface } from "./interface.ts";
import { STAGES, type DiffInput, type Kind, type PlanBuilder } from "./kind.ts";
import type { DesiredMemifSocket, ObservedInterface, ObservedMemifSocket } from "./types.ts";

export const memifSocketOperationId = (id: number, what: "add" | "delete"): string => `memif socket ${id} ${what}`;

/** Sockets carry no tag: ours are those of the file and of the journal. A filename is changed by deleting and adding. */
export const memifSocketKind: Kind = {
  kind: "memif-socket",
  diff(input, plan) {
    const there = new Map((input.observed.memifSockets ?? []).map((socket) => [socket.id, socket]));
    const wanted = new Set<number>();
    if (wantsMemif(input) && input.observed.features.memif !== true) {
      plan.problem("memif", "this VPP has no memif plugin: load memif_plugin.so");
      return;
    }
    for (const socket of input.desired.memifSockets ?? []) {
      wanted.add(socket.id);
      diffSocket(socket, there.get(socket.id), input, plan);
    }
    for (const [id, found] of there) {
      if (id === 0 || wanted.has(id)) continue;
      if (input.owned.memifSockets?.has(id) === true) removeSocket(found, input, plan);
      else plan.foreign.push(`memif socket ${id} (${found.filename})`);
    }
  },
};

function wantsMemif({ desired }: DiffInput): boolean {
  return (desired.memifSockets ?? []).length > 0 || desired.interfaces.some((one) => one.kind === "memif");
}

function diffSocket(
  socket: DesiredMemifSocket,
  found: ObservedMemifSocket | undefined,
  input: DiffInput,
  plan: PlanBuilder,
): void {
  if (found?.filename === socket.filename) return;
  const others = found === undefined ? [] : foreignUsers(socket.id, input);
  if (found !== undefined && (input.owned.memifSockets?.has(socket.id) !== true || others.length > 0)) {
    const whose = others.length > 0 ? `${others.join(", ")} of someone else uses it` : "it is not ours";
    plan.problem(
      `memif socket ${socket.id}`,
      `memif socket ${socket.id} is ${found.filename} in VPP and ${whose}: take another id`,
    );
    return;
  }
  if (found !== undefined) {
    plan.add({
      ...base(socket.id, "delete", STAGES.inside),
      action: { type: "memif-socket", socket: found, add: false },
      inverse: { type: "memif-socket", socket: found, add: true },
      sentence: `remove memif socket ${socket.id} to add it again: VPP cannot change its filename from ${found.filename}`,
      dependsOn: users(socket.id, input).map((one) => interfaceOperationId(one.name, "delete")),
    });
  }
  plan.add({
    ...base(socket.id, "add", STAGES.inside),
    verb: "create",
    action: { type: "memif-socket", socket, add: true },
    inverse: { type: "memif-socket", socket, add: false },
    sentence: `add memif socket ${socket.id} at ${socket.filename}`,
    dependsOn: [memifSocketOperationId(socket.id, "delete")],
  });
}

function removeSocket(found: ObservedMemifSocket, input: DiffInput, plan: PlanBuilder): void {
  const others = foreignUsers(found.id, input);
  if (others.length > 0) {
    plan.warn(`memif socket ${found.id} is no longer wanted and stays: ${others.join(", ")} of someone else uses it`);
    return;
  }
  plan.add({
    ...base(found.id, "delete", STAGES.dropBridges),
    action: { type: "memif-socket", socket: found, add: false },
    inverse: { type: "memif-socket", socket: found, add: true },
    sentence: `remove memif socket ${found.id} (${found.filename})`,
    dependsOn: users(found.id, input).map((one) => interfaceOperationId(one.name, "delete")),
  });
}

function base(id: number, what: "add" | "delete", stage: number) {
  return {
    id: memifSocketOperationId(id, what),
    kind: "memif-socket" as const,
    object: String(id),
    verb: "delete" as "create" | "delete",
    stage,
  };
}

function users(id: number, { observed }: DiffInput): ObservedInterface[] {
  return observed.interfaces.filter((one) => one.memif?.socket === id);
}

function foreignUsers(id: number, input: DiffInput): string[] {
  return users(id, input)
    .filter((one) => !isOurInterface(one, input))
    .map((one) => one.name);
}
