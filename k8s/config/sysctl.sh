#!/bin/sh
# An application server's settings of its network namespace, which a container without privileges may not write.
# The agent finds them as they should be and leaves them alone.
set -eu
sysctl() {
  file=/proc/sys/$(echo "$1" | tr . /)
  if [ -e "$file" ] && [ "$(cat "$file")" != "$2" ]; then echo "$2" >"$file"; fi
}
# Else the kernel asks for the gateway's MAC with the VIP as sender, and VPP drops that; or it answers ARP for the VIP.
sysctl net.ipv4.conf.all.arp_announce 2
sysctl net.ipv4.conf.all.arp_ignore 1
# Clients are not routed to the device that GRE is taken off at. "default" is what devices of the future get.
sysctl net.ipv4.conf.all.rp_filter 0
sysctl net.ipv4.conf.default.rp_filter 0
# IPv6 of devices of the future works at once, without looking for two seconds whether somebody has their address.
sysctl net.ipv6.conf.default.accept_dad 0
# ICMP "too big" seldom reaches the server whose flow it is about.
sysctl net.ipv4.tcp_mtu_probing 1
