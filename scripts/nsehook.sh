#!/bin/sh
# Programs VPP as a load-balancer by lines of its CLI, on the events of NSE_HOOK (docs/hooks.md):
#
#   nsehook.sh endpoint_started          outside link, bridge with its BVI, lb conf, VIPs, routes
#   nsehook.sh new_connection ADDRESS    an application server came
#   nsehook.sh del_connection ADDRESS    it goes; its flows move
#   nsehook.sh server_down ADDRESS       the same, for one that is there and does not work
#   nsehook.sh vip_added PREFIX, vip_removed PREFIX
#
# Every event may come again: what is there already stays as it is. Exit status 0, 1 (something failed: standard error
# says what, and of which object), 2 (wrong event, argument or setting: nothing was done).
#
# Settings, from the environment; lists are separated by blanks or commas:
#   VIP_ADDRESS, VIP_ADDRESS6    the VIPs, as prefixes ("10.2.2.0/24"); VPPLB_VIPS, where it is set, instead of both
#   IP_ADDRESS, IP_ADDRESS6      the servers' networks ("10.60.1.0/24"): their first address is VPP's
#   VPPLB_SERVERS                servers that are connected already (endpoint_started, vip_added)
#   VPPLB_BRIDGE, VPPLB_BVI, VPPLB_MTU   as `vpplb nse` tells them: BRIDGE, LOOPBACK and MTU go before them
#   VPPCTL                       "vppctl", "vppctl -s /run/vpp/cli.sock", "vpplb vppctl --write --lines"
set -eu

: "${VPPCTL:=vppctl}"
: "${BRIDGE:=${VPPLB_BRIDGE:-1}}"
VPPLB_BVI=${VPPLB_BVI:-loop0}
: "${LOOPBACK:=${VPPLB_BVI#loop}}" "${LOOPBACK_MAC:=02:fe:00:00:00:02}"
: "${OUT_DEVICE:=vpp1out}" "${OUT_MAC:=02:fe:00:00:00:01}" "${HOST_DEVICE:=vpp1host}"
: "${OUT_ADDRESS:=10.70.0.1/31}" "${HOST_ADDRESS:=10.70.0.0/31}"
: "${OUT_ADDRESS6:=fd00:10:70::1/64}" "${HOST_ADDRESS6:=fd00:10:70::2/64}"
: "${MTU:=${VPPLB_MTU:-1500}}" "${TABLE_SIZE:=1024}" "${STICKY_BUCKETS:=16384}" "${FLOW_TIMEOUT_S:=40}"
: "${VPP_WAIT_S:=20}"

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "nsehook.sh: $*"
  exit 1
}
refuse() {
  say "nsehook.sh: $*"
  exit 2
}

# --- Addresses. VPP runs the rest of a line as its next command, so nothing goes on one that is not checked.

# parse KIND TEXT: "FAMILY ADDRESS LENGTH NETWORK FIRST", in one spelling; status 1 where the text is none.
# KIND address: without a length, and a host's. KIND prefix: with one, or of a single address; never of everything.
parse() {
  kind="$1" text="$2" awk "$PARSED"'
    BEGIN { if (!parsed(ENVIRON["text"], ENVIRON["kind"])) exit 1; print item }' </dev/null
}

# checked NAME KIND LIST: one parsed item a line.
checked() {
  name="$1" kind="$2" list="$3" awk "$PARSED"'
    BEGIN {
      count_of_list = split(ENVIRON["list"], list, /[ ,\t\n]+/)
      for (one = 1; one <= count_of_list; one++) {
        if (list[one] == "") continue
        if (!parsed(list[one], ENVIRON["kind"])) {
          print "nsehook.sh: " ENVIRON["name"] ": \"" list[one] "\" is no " ENVIRON["kind"] >"/dev/stderr"
          exit 2
        }
        print item
      }
    }' </dev/null
}

# Of awk: parsed(TEXT, KIND) is 1 and sets item, address, network, or is 0. There are many of them, so few processes. Texts
# come to it from the environment: -v would read backslashes.
# shellcheck disable=SC2016
PARSED='
    function hex(digits, i, value) {
      for (i = 1; i <= length(digits); i++) value = value * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
      return value + 0
    }
    function four(from, part, i) {
      if (split(from, part, ".") != 4) return 0
      for (i = 1; i <= 4; i++) {
        if (part[i] !~ /^(0|[1-9][0-9]?[0-9]?)$/ || part[i] + 0 > 255) return 0
        group[i] = part[i] + 0
      }
      return 1
    }
    function groups(from, at, n, part, i) {
      n = from == "" ? 0 : split(from, part, ":")
      for (i = 1; i <= n; i++) {
        if (part[i] !~ /^[0-9a-f][0-9a-f]?[0-9a-f]?[0-9a-f]?$/) return -1
        if (at > 0) group[at + i - 1] = hex(part[i]); else group[8 - n + i] = hex(part[i])
      }
      return n
    }
    function six(from, gap, head, tail, i) {
      if (from !~ /^[0-9a-f:]+$/) return 0
      for (i = 1; i <= 8; i++) group[i] = 0
      gap = index(from, "::")
      if (gap == 0) return groups(from, 1) == 8
      head = groups(substr(from, 1, gap - 1), 1)
      tail = groups(substr(from, gap + 2), 0)
      return head >= 0 && tail >= 0 && head + tail <= 7
    }
    function written(mask, more, i, bits, unit, value, out) {
      for (i = 1; i <= count; i++) {
        bits = mask - (i - 1) * width
        unit = 2 ^ (bits <= 0 ? width : bits >= width ? 0 : width - bits)
        value = int(group[i] / unit) * unit + (i == count ? more : 0)
        out = out (i == 1 ? "" : family == 4 ? "." : ":") sprintf(family == 4 ? "%d" : "%x", value)
      }
      return out
    }
    function parsed(text, kind, slash, all, size) {
      text = tolower(text)
      slash = index(text, "/")
      address = slash ? substr(text, 1, slash - 1) : text
      if (four(address)) { family = 4; count = 4; width = 8 }
      else if (six(address)) { family = 6; count = 8; width = 16 }
      else return 0
      all = count * width
      size = slash ? substr(text, slash + 1) : all
      if (size !~ /^(0|[1-9][0-9]?[0-9]?)$/ || size + 0 > all) return 0
      if (kind == "address") {
        if (slash) return 0
        if (family == 4 && (group[1] == 0 || group[1] == 127 || group[1] >= 224)) return 0
        if (family == 6 && (group[1] >= 65280 || written(112, 0) == "0:0:0:0:0:0:0:0")) return 0
      } else if (size + 0 == 0) return 0
      address = written(all, 0)
      network = written(size, 0) "/" (size + 0)
      item = family " " address " " (size + 0) " " written(size, 0) " " written(size, size + 0 == all ? 0 : 1)
      return 1
    }'

# Of a parsed item. Without further processes: there are many of them.
family() { printf '%s\n' "${1%% *}"; }
# shellcheck disable=SC2086 # words
address_of() { set -- $1 && printf '%s\n' "$2"; }
# shellcheck disable=SC2086
network_of() { set -- $1 && printf '%s\n' "$4/$3"; }
# shellcheck disable=SC2086
first_of() { set -- $1 && printf '%s\n' "$5/$3"; }
without_length() { printf '%s\n' "${1%%/*}"; }

# number NAME VALUE LEAST MOST
number() {
  case $2 in '' | *[!0-9]* | ??????????*) refuse "$1: \"$2\" is no number" ;; esac
  if [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then refuse "$1: $2 is not $3 to $4"; fi
}
# power NAME VALUE MOST
power() {
  number "$1" "$2" 1 "$3"
  [ $(($2 & ($2 - 1))) -eq 0 ] || refuse "$1: $2 is no power of two"
}
device() {
  case $2 in '' | [!a-zA-Z]* | *[!a-zA-Z0-9_.-]* | ????????????????*) refuse "$1: \"$2\" is no device name" ;; esac
}
mac() {
  printf '%s\n' "$2" | grep -Eqx '([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}' || refuse "$1: \"$2\" is no MAC address"
}

read_settings() {
  number BRIDGE "$BRIDGE" 1 16777215
  number LOOPBACK "$LOOPBACK" 0 16383
  number MTU "$MTU" 1280 9000
  number FLOW_TIMEOUT_S "$FLOW_TIMEOUT_S" 1 86400
  number VPP_WAIT_S "$VPP_WAIT_S" 0 3600
  power TABLE_SIZE "$TABLE_SIZE" 1048576
  power STICKY_BUCKETS "$STICKY_BUCKETS" 4194304
  device OUT_DEVICE "$OUT_DEVICE"
  device HOST_DEVICE "$HOST_DEVICE"
  mac LOOPBACK_MAC "$LOOPBACK_MAC"
  mac OUT_MAC "$OUT_MAC"
  for name in OUT_ADDRESS HOST_ADDRESS OUT_ADDRESS6 HOST_ADDRESS6; do
    eval "value=\$$name"
    # shellcheck disable=SC2154 # set by eval
    parse prefix "$value" >/dev/null || refuse "$name: \"$value\" is no prefix"
  done
  vips=$(checked VIP_ADDRESS prefix "${VPPLB_VIPS-${VIP_ADDRESS-} ${VIP_ADDRESS6-}}") || exit
  networks=$(checked IP_ADDRESS prefix "${IP_ADDRESS-} ${IP_ADDRESS6-}") || exit
  servers=$(checked VPPLB_SERVERS address "${VPPLB_SERVERS-}") || exit
  [ -n "$networks" ] || refuse "IP_ADDRESS is not set: the servers' network, such as 10.60.1.0/24"
  network4=$(printf '%s\n' "$networks" | sed -n '/^4 /{p;q;}')
  network6=$(printf '%s\n' "$networks" | sed -n '/^6 /{p;q;}')
  bvi="loop$LOOPBACK"
  out="host-$OUT_DEVICE"
}

# network_in FAMILY: the servers' network of that family; empty without one.
network_in() { if [ "$1" = 4 ]; then printf '%s\n' "$network4"; else printf '%s\n' "$network6"; fi; }

# encap_of VIP: its own family's where there are servers of it, else what there is.
encap_of() {
  wanted=${1%% *}
  [ -n "$(network_in "$wanted")" ] || wanted=${networks%% *}
  printf 'gre%s\n' "$wanted"
}

# --- VPP

# With --lines in VPPCTL one process runs them all: it reads ours from descriptor 3, and answers each on descriptor 4, after
# a line with VPP's return value and the answer's length. That is `vpplb vppctl`, which takes long to start.
open_vppctl() {
  case " $VPPCTL " in *' --lines '*) ;; *) return 0 ;; esac
  pipes=$(mktemp -d) || fail "no place for the pipes to \"$VPPCTL\" (TMPDIR)"
  mkfifo -m 600 "$pipes/lines" "$pipes/answers" || fail "no pipes to \"$VPPCTL\""
  # shellcheck disable=SC2086 # a command with arguments
  $VPPCTL <"$pipes/lines" >"$pipes/answers" &
  exec 3>"$pipes/lines" 4<"$pipes/answers"
  rm -r "$pipes"
  by_lines=1
}
by_lines=''

# What VPP's CLI answers to a line. vppctl would take our standard input, the connection's JSON, as further lines.
ask() {
  # shellcheck disable=SC2086 # a command with arguments
  if [ -n "$by_lines" ]; then ask_by_line "$@"; else $VPPCTL "$@" </dev/null 2>&1; fi | tr -d '\r'
}

# All of the answer is taken before any of it is said: who hears it may ask again at once.
ask_by_line() (
  trap '' PIPE
  { printf '%s\n' "$*" >&3 && read -r _ length <&4; } 2>/dev/null || {
    printf 'no answer from "%s"\n' "$VPPCTL"
    return
  }
  [ "$length" -eq 0 ] || said=$(head -c "$length" <&4)
  [ "$length" -eq 0 ] || printf '%s\n' "$said"
)

# vpp OBJECT WORDS...: a line that changes VPP. It exits with 0 whatever comes: what went wrong is in its answer.
vpp() {
  object=$1
  shift
  say "vppctl $*"
  said=$(ask "$@")
  case $said in
  '' | 'lb_vip_add ok '* | "$bvi" | "$out") ;;
  *) fail "$object: $said" ;;
  esac
}

# lenient OBJECT CODE WORDS...: the same, where that code of VPP means that nothing is to be done.
lenient() {
  object=$1
  code=$2
  shift 2
  say "vppctl $*"
  said=$(ask "$@")
  case $said in
  '' | *" error $code") ;;
  *" error -6") fail "$object: not in VPP. Has endpoint_started run since VPP started?" ;;
  *) fail "$object: $said" ;;
  esac
}

wait_for_vpp() {
  left=$((VPP_WAIT_S * 5))
  until ask show version | grep -q '^vpp v'; do
    [ "$left" -gt 0 ] || fail "VPP: no answer from \"$VPPCTL\" in $VPP_WAIT_S s"
    left=$((left - 1))
    sleep 0.2
  done
}

has_interface() { ask show interface | awk -v name="$1" '$1 == name { found = 1 } END { exit !found }'; }

# vpp_address INTERFACE PREFIX, once.
vpp_address() {
  item=$(parse prefix "$2")
  ask show interface addr "$1" | item="$item" awk "$PARSED"'
    $1 == "L3" && parsed($2, "prefix") && item == ENVIRON["item"] { found = 1 }
    END { exit !found }' ||
    vpp "$1 address $2" set interface ip address "$1" "$2"
}

# held_vips: of every all-port VIP in VPP "ENCAP NETWORK/LENGTH", in our spelling.
held_vips() {
  ask show lb vips verbose | awk "$PARSED"'
    /^ *ip[46]-[a-z0-9]+ \[[0-9]+\]/ { show(); sub(/^ip[46]-/, "", $1); encap = $1; prefix = $3; live = !/ removed$/ }
    / port:/ { live = 0 }
    function show() { if (live && parsed(prefix, "prefix")) print encap, network }
    END { show() }'
}

add_vip() {
  prefix=$(network_of "$1")
  encap=$(encap_of "$1")
  held=$(held_vips | awk -v prefix="$prefix" '$2 == prefix { print $1; exit }')
  if [ -z "$held" ]; then
    vpp "VIP $prefix" lb vip "$prefix" encap "$encap" new_len "$TABLE_SIZE"
  elif [ "$held" != "$encap" ]; then
    fail "VIP $prefix: VPP has it with $held, it should be $encap"
  fi
}

# held_servers NETWORK/LENGTH: the servers of a VIP that take flows, in our spelling.
held_servers() {
  ask show lb vips verbose | vip="$1" awk "$PARSED"'
    /^ *ip[46]-[a-z0-9]+ \[[0-9]+\]/ { asked = !/ removed *$/ && parsed($3, "prefix") && network == ENVIRON["vip"]; next }
    / port:/ { asked = 0 }
    asked && / used/ && parsed($1, "address") { print address }'
}

# add_servers VIP SERVERS: all that VPP has not in one line, which is one table.
add_servers() {
  prefix=$(network_of "$1")
  wanted=$(encap_of "$1")
  list=$(printf '%s\n' "$2" | awk -v family="${wanted#gre}" '$1 == family { print $2 }')
  case $list in
  *' '* | *"
"*) list=$({ held_servers "$prefix" && printf '%s\n' -- "$list"; } |
    awk '$1 == "--" { ours = 1; next } !ours { held[$1] = 1; next } !($1 in held)') ;;
  esac
  [ -n "$list" ] || return 0
  # shellcheck disable=SC2086 # a list
  set -- $list
  # A line of VPP's takes some kilobytes.
  while [ $# -gt 50 ]; do
    line=''
    taken=0
    while [ $taken -lt 50 ]; do
      line="$line $1"
      shift
      taken=$((taken + 1))
    done
    # shellcheck disable=SC2086 # a list
    add_line "$prefix" $line
  done
  add_line "$prefix" "$@"
}

add_line() {
  prefix=$1
  shift
  say "vppctl lb as $prefix $*"
  said=$(ask lb as "$prefix" "$@")
  case $said in
  '') ;;
  *' error -81')
    [ $# -gt 1 ] || return 0
    for one in "$@"; do lenient "server $one of VIP $prefix" -81 lb as "$prefix" "$one"; done
    ;;
  *' error -6') fail "VIP $prefix: not in VPP. Has endpoint_started run since VPP started?" ;;
  *) fail "servers $* of VIP $prefix: $said" ;;
  esac
}

# The outside link attracts traffic as soon as it is up, and flows that meet a VIP without servers never become sticky.
open_outside() { vpp "$out" set interface state "$out" up; }

# --- The host's side of the outside link

kernel() {
  say "$*"
  said=$("$@" 2>&1) || fail "$*: $said"
}

# set_kernel FILE VALUE: a sysctl, where it is another.
set_kernel() {
  [ -e "/proc/sys/$1" ] || return 0
  [ "$(cat "/proc/sys/$1")" != "$2" ] || return 0
  say "sysctl $1 = $2"
  { echo "$2" >"/proc/sys/$1"; } 2>/dev/null || fail "sysctl $1: cannot be set to $2"
}

# A segmented frame stops VPP's host-interface for good, and an open checksum means nothing inside GRE: what the kernel
# sends into VPP must be whole packets. VPP's own end is left alone: without its offloads VPP sends frames that are dropped.
offloads_off() {
  say "offloads of $1 off"
  if command -v ethtool >/dev/null; then
    said=$(ethtool -K "$1" tx off tso off gso off gro off 2>&1) || fail "$1: offloads cannot be switched off: $said"
  elif command -v python3 >/dev/null; then
    said=$(python3 -c "$SIOCETHTOOL" "$1" 2>&1) || fail "$1: offloads cannot be switched off: $said"
  else
    fail "$1: needs ethtool or python3 to switch its offloads off"
  fi
}

# ETHTOOL_STXCSUM, STSO, SGSO and SGRO of linux/ethtool.h.
SIOCETHTOOL='
import array, fcntl, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    for command in (0x17, 0x1F, 0x24, 0x2C):
        value = array.array("I", [command, 0])
        request = struct.pack("16sP", sys.argv[1].encode(), value.buffer_info()[0]).ljust(40, b"\0")
        fcntl.ioctl(s, 0x8946, request)
'

make_link() {
  ip link show dev "$OUT_DEVICE" >/dev/null 2>&1 ||
    kernel ip link add "$OUT_DEVICE" mtu "$MTU" type veth peer name "$HOST_DEVICE" mtu "$MTU"
  set_kernel "net/ipv6/conf/$OUT_DEVICE/disable_ipv6" 1
  kernel ip link set dev "$HOST_DEVICE" mtu "$MTU" up
  offloads_off "$HOST_DEVICE"
  kernel ip address replace "$HOST_ADDRESS" dev "$HOST_DEVICE"
  set_kernel net/ipv4/ip_forward 1
  if uses 6; then
    set_kernel "net/ipv6/conf/$HOST_DEVICE/disable_ipv6" 0
    kernel ip address replace "$HOST_ADDRESS6" dev "$HOST_DEVICE" nodad
    set_kernel net/ipv6/conf/all/forwarding 1
  fi
}

# uses FAMILY: do VIPs or servers of it exist?
uses() { printf '%s\n%s\n' "$vips" "$networks" | grep -q "^$1 "; }

# host_route ITEM: the host reaches it by VPP.
host_route() {
  via=$OUT_ADDRESS
  [ "$(family "$1")" = 4 ] || via=$OUT_ADDRESS6
  kernel ip route replace "$(network_of "$1")" via "$(without_length "$via")" dev "$HOST_DEVICE"
}

# --- VPP's side

make_outside() {
  has_interface "$out" || vpp "$out" create host-interface name "$OUT_DEVICE" hw-addr "$OUT_MAC"
  vpp "$out" set interface mtu packet "$MTU" "$out"
  if uses 4; then
    vpp_address "$out" "$OUT_ADDRESS"
    vpp "default route" ip route add 0.0.0.0/0 via "$(without_length "$HOST_ADDRESS")" "$out"
  fi
  if uses 6; then
    vpp_address "$out" "$OUT_ADDRESS6"
    vpp "default route" ip route add ::/0 via "$(without_length "$HOST_ADDRESS6")" "$out"
  fi
}

make_bvi() {
  has_interface "$bvi" || vpp "$bvi" create loopback interface mac "$LOOPBACK_MAC" instance "$LOOPBACK"
  vpp "$bvi" set interface state "$bvi" up
  vpp "$bvi" set interface mtu packet "$MTU" "$bvi"
  printf '%s\n' "$networks" | while read -r item; do vpp_address "$bvi" "$(first_of "$item")"; done
  mode=$(ask show mode "$bvi")
  case $mode in
  "l2 bridge $bvi bd_id $BRIDGE bvi "*) ;;
  "l3 $bvi"*) vpp "$bvi" set interface l2 bridge "$bvi" "$BRIDGE" bvi ;;
  *) fail "$bvi: is something else already: $mode" ;;
  esac
}

configure_lb() {
  four=$(network_in 4)
  six=$(network_in 6)
  set -- buckets "$STICKY_BUCKETS" timeout "$FLOW_TIMEOUT_S"
  [ -z "$six" ] || set -- ip6-src-address "$(without_length "$(first_of "$six")")" "$@"
  [ -z "$four" ] || set -- ip4-src-address "$(without_length "$(first_of "$four")")" "$@"
  vpp "lb conf" lb conf "$@"
}

# --- Events

endpoint_started() {
  make_link
  wait_for_vpp
  make_bvi
  configure_lb
  printf '%s\n' "$vips" | while read -r vip && [ -n "$vip" ]; do
    add_vip "$vip"
    add_servers "$vip" "$servers"
  done
  make_outside
  printf '%s\n%s\n' "$networks" "$vips" | while read -r item && [ -n "$item" ]; do host_route "$item"; done
  [ -z "$servers" ] || open_outside
}

new_connection() {
  printf '%s\n' "$vips" | while read -r vip && [ -n "$vip" ]; do add_servers "$vip" "$1"; done
  open_outside
}

# What VPP has learned of its MAC address goes too: the next with this address has another.
forget_neighbor() {
  ask show ip neighbor "$bvi" | item="$1" dev="$bvi" awk "$PARSED"'
    $NF == ENVIRON["dev"] {
      for (at = 3; at < NF; at++)
        if ($at ~ /^([0-9a-f][0-9a-f]:)+[0-9a-f][0-9a-f]$/ && parsed($(at - 2), "address") && item == ENVIRON["item"])
          print $(at - 2), $at
    }' |
    while read -r address learned; do
      say "vppctl set ip neighbor del $bvi $address $learned"
      # The agent may have been faster.
      ask set ip neighbor del "$bvi" "$address" "$learned" >/dev/null
    done
}

del_connection() {
  address=$(address_of "$1")
  printf '%s\n' "$vips" | while read -r vip && [ -n "$vip" ]; do
    [ "$(encap_of "$vip")" = "gre$(family "$1")" ] || continue
    prefix=$(network_of "$vip")
    lenient "server $address of VIP $prefix" -6 lb as "$prefix" "$address" del flush
  done
  forget_neighbor "$1"
}

vip_added() {
  add_vip "$1"
  add_servers "$1" "$servers"
  host_route "$1"
}

vip_removed() {
  prefix=$(network_of "$1")
  via=$OUT_ADDRESS
  [ "$(family "$1")" = 4 ] || via=$OUT_ADDRESS6
  say "ip route del $prefix"
  ip route del "$prefix" via "$(without_length "$via")" dev "$HOST_DEVICE" 2>/dev/null || true
  lenient "VIP $prefix" -6 lb vip "$prefix" del
}

# argument EVENT KIND ARGUMENTS...: the one argument, parsed.
argument() {
  [ $# -eq 3 ] || refuse "$1 needs one $2"
  parse "$2" "$3" || refuse "$1: \"$3\" is no $2"
}

usage() {
  refuse "usage: nsehook.sh endpoint_started | new_connection|del_connection|server_down ADDRESS |" \
    "vip_added|vip_removed PREFIX"
}

main() {
  [ $# -gt 0 ] || usage
  event=$1
  shift
  case $event in
  endpoint_started) [ $# -eq 0 ] || refuse "$event takes no argument" ;;
  new_connection | del_connection | server_down) item=$(argument "$event" address "$@") || exit ;;
  vip_added | vip_removed) item=$(argument "$event" prefix "$@") || exit ;;
  *) usage ;;
  esac
  read_settings
  open_vppctl
  case $event in
  endpoint_started) endpoint_started ;;
  server_down) del_connection "$item" ;;
  *) "$event" "$item" ;;
  esac
}

main "$@"
