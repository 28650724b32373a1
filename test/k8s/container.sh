#!/bin/sh
# Runs one container's program the way a runtime does: a root of its own, mounts, /proc/sys and /sys read-only, the few
# devices, the capabilities that it is given. Process 1 of a new pid namespace in a new mount namespace calls it.
#   container.sh ROOT PRIVILEGED READONLY UID GID CAPABILITIES MOUNTS COMMAND...
# CAPABILITIES: for setpriv ("-all,+net_admin"). MOUNTS: lines "SOURCE TARGET ro|rw"
set -eu
root=$1 privileged=$2 readonly=$3 uid=$4 gid=$5 capabilities=$6 mounts=$7
shift 7
mount --make-rprivate /
mount --bind "$root" "$root"
for folder in usr bin sbin lib lib64 lib32 etc/alternatives; do
  if [ -L "/$folder" ]; then ln -sfn "$(readlink "/$folder")" "$root/$folder"; fi
  if [ -d "/$folder" ] && [ ! -L "/$folder" ]; then
    mkdir -p "$root/$folder"
    mount --bind "/$folder" "$root/$folder"
    mount -o remount,bind,ro "$root/$folder"
  fi
done
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/tmp"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
if [ "$privileged" = false ]; then
  mount --bind "$root/proc/sys" "$root/proc/sys"
  mount -o remount,bind,ro "$root/proc/sys"
  mount -o remount,ro "$root/sys"
fi
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/shm"
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$root/dev/shm"
for device in null zero full random urandom tty; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
printf '%s\n' "$mounts" | while read -r source target how; do
  [ -n "$source" ] || continue
  mkdir -p "$root$target"
  mount --rbind "$source" "$root$target"
  if [ "$how" = ro ]; then mount -o remount,bind,ro "$root$target"; fi
done
if [ "$readonly" = true ]; then mount -o remount,bind,ro "$root"; fi
if [ "$privileged" = true ]; then exec chroot "$root" setpriv --reuid "$uid" --regid "$gid" --clear-groups "$@"; fi
exec chroot "$root" setpriv --no-new-privs --bounding-set "$capabilities" --inh-caps=-all \
  --reuid "$uid" --regid "$gid" --clear-groups "$@"
