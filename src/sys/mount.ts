import { MNT_DETACH, MS_BIND } from "./constants.ts";
import { libc, must } from "./libc.ts";

/** Shows `source` at `target` too; both exist. @throws SysError */
export function bindMount(source: string, target: string): void {
  must("mount", libc().mount(source, target, null, MS_BIND, null), target);
}

/** Unmounts, now or when the last user is gone. @throws SysError EINVAL where nothing is mounted there */
export function unmount(target: string): void {
  must("umount2", libc().umount2(target, MNT_DETACH), target);
}
