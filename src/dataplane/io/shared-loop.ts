import { mapMemory } from "../../sys/mmap.ts";
import type { Dataplane } from "../dataplane.ts";
import { frameMemory } from "../model.ts";
import { PollLoop } from "./poll-loop.ts";

const ARENA_BYTES = 1 << 20;

const loops = new WeakMap<Dataplane, PollLoop>();

/** The loop that all ports of a dataplane share, made with the first; packets made here then live in the kernel's reach. */
export function loopOf(dataplane: Dataplane): PollLoop {
  const known = loops.get(dataplane);
  if (known !== undefined) return known;
  const arena = mapMemory(ARENA_BYTES);
  dataplane.graph.useArena(frameMemory(arena.bytes, arena.address));
  const loop = new PollLoop();
  loops.set(dataplane, loop);
  return loop;
}
