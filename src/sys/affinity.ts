import { libc, must } from "./libc.ts";

const BYTES = 128;

/** The CPUs that the calling thread may run on. */
export function getAffinity(): number[] {
  const mask = new Uint8Array(BYTES);
  must("sched_getaffinity", libc().sched_getaffinity(0, BYTES, mask));
  return Array.from({ length: BYTES * 8 }, (_, cpu) => cpu).filter((cpu) => (mask[cpu >> 3] ?? 0) & (1 << (cpu & 7)));
}

/** Binds the calling thread to CPUs. @throws SysError EINVAL where none of them exists or may be used */
export function setAffinity(cpus: readonly number[]): void {
  const mask = new Uint8Array(BYTES);
  for (const cpu of cpus) mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7));
  must("sched_setaffinity", libc().sched_setaffinity(0, BYTES, mask), cpus.join(","));
}
