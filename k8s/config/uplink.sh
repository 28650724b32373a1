#!/bin/sh
# The load-balancer pod's own link to VPP: what comes by the pod's eth0 for a VIP is routed into a veth pair whose other
# end VPP has as host-vpp1out, and answers come back by it. Runs once, before VPP; may run again.
# Settings: VIP_ADDRESS (the VIPs), IP_ADDRESS (the servers' network), each one or several, separated by blanks or commas.
set -eu
: "${VIP_ADDRESS:?is not set}" "${IP_ADDRESS:?is not set}"
out=vpp1out host=vpp1host here=10.70.0.0/31 there=10.70.0.1

sysctl() { # NAME VALUE; not there: a kernel without that family
  file=/proc/sys/$(echo "$1" | tr . /)
  if [ -e "$file" ] && [ "$(cat "$file")" != "$2" ]; then echo "$2" >"$file"; fi
}

ip link show dev "$host" >/dev/null 2>&1 || ip link add "$host" type veth peer name "$out"
sysctl "net.ipv6.conf.$out.disable_ipv6" 1 # that end is VPP's
# One oversize (TSO, GSO) frame stops a VPP host-interface for good, and open checksums mean nothing inside GRE.
ethtool -K "$host" tx off tso off gso off gro off
ip link set dev "$out" up
ip link set dev "$host" up
ip address replace "$here" dev "$host"

sysctl net.ipv4.ip_forward 1
sysctl net.ipv6.conf.all.forwarding 1
# Clients are not routed to vpp1host, nor servers to eth0.
for device in all default eth0 "$host"; do sysctl "net.ipv4.conf.$device.rp_filter" 0; done

# shellcheck disable=SC2086 # lists
for prefix in $(echo "$VIP_ADDRESS $IP_ADDRESS" | tr , ' '); do
  case $prefix in *:*) continue ;; esac # IPv6 needs addresses for both ends of the link: docs/kubernetes.md
  ip route replace "$prefix" via "$there" dev "$host"
done

# Whoever can write here runs code as VPP; Kubernetes makes the directory open to all.
chmod 0750 /run/vpp
