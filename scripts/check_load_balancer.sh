#!/bin/sh
# Checks that a load-balancer works: its pods (or VPP) are there, a VIP answers ping, connections to it reach several
# servers, in GRE, and none is lost. What is found goes to standard output, the verdict of each check to standard error.
#
#   check_load_balancer.sh [OPTIONS]                     in Kubernetes, from inside the load-balancer's pod
#   check_load_balancer.sh --local [OPTIONS]             without Kubernetes
#
#   --vip ADDRESS        an address of a VIP                          10.2.2.33
#   --port PORT          where the servers answer their name          5001
#   --connections N      so many, all must be answered                30
#   --hosts N            at least so many servers must have answered  2
#   --timeout SECONDS    for pods and for the first ping              60
#   --wait SECONDS       for the answer to a connection               5
# In Kubernetes:
#   --namespace NAME, --context NAME                                  kubectl's
#   --lb LABELS          the load-balancer's pods                     networkservicemesh.io/app=load-balancer
#   --as LABELS          the application servers' pods                networkservicemesh.io/app=application-server
#   --container NAME     of the load-balancer's pod                   load-balancer
#   --vppctl COMMAND     VPP's CLI there                              vpplb vppctl
# Local:
#   --vppctl COMMAND     VPP's CLI here; "" for none                  vppctl
#   --client COMMAND     before what the client does, such as "ip netns exec client"
#   --server COMMAND     before what looks at a server; may be given several times
#
# Exit status: 0 it works, 1 it does not, 2 it could not be checked (wrong options, a tool is missing).
set -u

vip=10.2.2.33 port=5001 connections=30 hosts=2 timeout=60 answer=5
local=no namespace='' context='' container=load-balancer vppctl='' vppctl_set=no client='' servers=''
lb=networkservicemesh.io/app=load-balancer
as=networkservicemesh.io/app=application-server
failures=0

give_up() {
  echo "check_load_balancer: $*" >&2
  exit 2
}
good() { printf 'ok      %s\n' "$*" >&2; }
bad() {
  printf 'FAILED  %s\n' "$*" >&2
  failures=$((failures + 1))
}
note() { printf 'note    %s\n' "$*" >&2; }
title() { printf '\n== %s\n' "$*"; }

number() { # OPTION VALUE LEAST MOST
  case $2 in '' | *[!0-9]* | ??????*) give_up "$1 $2: a number from $3 to $4" ;; esac
  if [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then give_up "$1 $2: a number from $3 to $4"; fi
}

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
    --local) local=yes ;;
    -h | --help)
      sed -n '2,/^set -u/{/^set -u/d;s/^# \{0,1\}//;p;}' "$0"
      exit 0
      ;;
    --vip | --port | --connections | --hosts | --timeout | --wait | --namespace | --context | --container | --lb | --as | \
      --vppctl | --client | --server)
      [ $# -ge 2 ] || give_up "$1 needs a value"
      case $1 in
      --vip) vip=$2 ;;
      --port) port=$2 ;;
      --connections) connections=$2 ;;
      --hosts) hosts=$2 ;;
      --timeout) timeout=$2 ;;
      --wait) answer=$2 ;;
      --namespace) namespace=$2 ;;
      --context) context=$2 ;;
      --container) container=$2 ;;
      --lb) lb=$2 ;;
      --as) as=$2 ;;
      --vppctl) vppctl=$2 vppctl_set=yes ;;
      --client) client=$2 ;;
      --server) servers="$servers$2
" ;;
      esac
      shift
      ;;
    *) give_up "unknown option $1: see --help" ;;
    esac
    shift
  done
  case $vip in '' | *[!0-9a-fA-F.:]*) give_up "--vip $vip: an address" ;; esac
  number --port "$port" 1 65535
  number --connections "$connections" 1 1000
  number --hosts "$hosts" 1 1000
  number --timeout "$timeout" 1 3600
  number --wait "$answer" 1 3600
  [ "$connections" -ge "$hosts" ] || give_up "$connections connections cannot reach $hosts hosts"
}

# --- Where things run

kube() {
  set -- ${namespace:+--namespace "$namespace"} "$@"
  kubectl ${context:+--context "$context"} "$@"
}

# on_client SNIPPET ARGUMENTS...: a shell's text where a client of the VIP is.
on_client() {
  if [ "$local" = no ]; then
    kube exec "$pod" -c "$container" -- sh -c "$@"
  else
    # shellcheck disable=SC2086 # a command with arguments
    $client sh -c "$@"
  fi </dev/null
}

# vpp WORDS...: a line of VPP's CLI.
vpp() {
  if [ "$local" = no ]; then
    # shellcheck disable=SC2086
    kube exec "$pod" -c "$container" -- $vppctl "$@"
  else
    # shellcheck disable=SC2086
    $vppctl "$@"
  fi </dev/null 2>&1 | tr -d '\r'
}

# --- What a client does, in the shell that there is

# One ping; 127 where there is none.
# shellcheck disable=SC2016 # expanded over there
PING='command -v ping >/dev/null || exit 127
case $1 in *:*) ping -6 -c 1 -W 1 "$1" || ping6 -c 1 -W 1 "$1" ;; *) ping -c 1 -W 1 "$1" ;; esac'

# ADDRESS PORT COUNT SECONDS: as many connections at a time; the first line that each gets.
# shellcheck disable=SC2016
CONNECT='if command -v nc >/dev/null; then
  # OpenBSD'"'"'s keeps its side open after the end of its input unless it is told.
  half=""
  nc -h 2>&1 | grep -q -e "-[a-zA-Z0-9]*N" && nc -h 2>&1 | grep -q OpenBSD && half=-N
  try() { nc $half -w "$3" "$1" "$2" </dev/null; }
elif command -v node >/dev/null; then
  try() {
    node -e "const s = require(\"net\").connect(+process.argv[2], process.argv[1]);
      s.setTimeout(1000 * process.argv[3], () => process.exit(1)); s.on(\"error\", () => process.exit(1)); s.pipe(process.stdout); s.end()" "$1" "$2" "$3"
  }
else
  exit 127
fi
count=0
while [ "$count" -lt "$3" ]; do
  count=$((count + 1))
  { name=$(try "$1" "$2" "$4" 2>/dev/null | head -n 1 | tr -cd "[:graph:]"); echo "answer ${name:--}"; } &
  [ $((count % 30)) -ne 0 ] || wait
done
wait'

# Whether there is a device that takes GRE off: the kernel's, or ours in user space.
GRE='ip -o link show up 2>/dev/null | grep -Eo "(gre0|ip6gre0|vpplbgre)[@:]" | tr -d "@:" | grep .'

# --- Checks

# The pods are ready, and one of the load-balancer's is chosen.
check_pods() {
  command -v kubectl >/dev/null || give_up "there is no kubectl; without Kubernetes: --local"
  for labels in "$lb" "$as"; do
    if kube wait --for=condition=ready pod -l "$labels" --timeout="${timeout}s" >/dev/null 2>&1; then
      count=$(kube get pods -l "$labels" -o name | grep -c .)
      good "pods $labels: $count ready"
    else
      bad "pods $labels: not ready in $timeout s"
    fi
  done
  title "pods"
  kube get pods -l "$lb" -o wide
  kube get pods -l "$as" -o wide
  pod=$(kube get pods -l "$lb" -o name | head -n 1)
  [ -n "$pod" ] || {
    bad "there is no pod $lb"
    finish
  }
}

# first_session VIPS: how many flows were seen by all VIPs.
new_flows() { printf '%s\n' "$1" | awk '/first session packet:/ { sum += $NF } END { print sum + 0 }'; }

check_vpp() {
  [ -n "$vppctl" ] || {
    note "no vppctl: VPP is not looked at"
    return
  }
  version=$(vpp show version)
  case $version in
  'vpp v'*) good "VPP answers: $(printf '%s\n' "$version" | head -n 1)" ;;
  *) bad "VPP does not answer to \"$vppctl\": $(printf '%s\n' "$version" | head -n 1)" ;;
  esac
  for line in 'show interface' 'show interface addr' 'show bridge-domain' 'show lb'; do
    title "$line"
    # shellcheck disable=SC2086 # words
    vpp $line
  done
  title 'show lb vips verbose'
  before=$(vpp show lb vips verbose)
  printf '%s\n' "$before"
  most=$(printf '%s\n' "$before" | awk '
    /^ *ip[46]-/ { used = 0; live = !/ removed *$/ }
    / used( |$)/ { if (live && ++used > most) most = used }
    END { print most + 0 }')
  if [ "$most" -ge "$hosts" ]; then
    good "VPP has $most servers of a VIP"
  else
    bad "VPP has $most servers of a VIP, $hosts are wanted"
  fi
}

check_ping() {
  left=$timeout
  while :; do
    said=$(on_client "$PING" sh "$vip" 2>&1)
    status=$?
    [ $status -ne 127 ] || break
    if [ $status -eq 0 ]; then
      good "$vip answers ping"
      return
    fi
    left=$((left - 1))
    [ "$left" -gt 0 ] || break
    sleep 1
  done
  title "ping $vip"
  printf '%s\n' "$said"
  if [ "$status" -eq 127 ]; then
    note "no ping there: only connections are tried"
  else
    bad "$vip does not answer ping in $timeout s"
  fi
}

check_connections() {
  said=$(on_client "$CONNECT" sh "$vip" "$port" "$connections" "$answer" 2>&1)
  status=$?
  [ $status -ne 127 ] || give_up "no nc and no node there to connect with"
  answers=$(printf '%s\n' "$said" | sed -n 's/^answer //p')
  title "$connections connections to $vip port $port, by server"
  printf '%s\n' "$answers" | sort | uniq -c
  answered=$(printf '%s\n' "$answers" | grep -c '[^-]')
  names=$(printf '%s\n' "$answers" | grep '[^-]' | sort -u | grep -c .)
  if [ "$answered" -eq "$connections" ]; then
    good "$answered of $connections connections to $vip port $port were answered"
  else
    bad "$answered of $connections connections to $vip port $port were answered"
  fi
  if [ "$names" -ge "$hosts" ]; then
    good "$names hosts answered"
  else
    bad "$names hosts answered, $hosts are wanted"
  fi
}

# The lb plugin saw the connections, and encapsulates.
check_gre() {
  if [ -n "$vppctl" ]; then
    after=$(vpp show lb vips verbose)
    seen=$(($(new_flows "$after") - $(new_flows "$before")))
    if [ "$seen" -ge "$connections" ]; then
      good "VPP balanced $seen new flows"
    else
      bad "VPP balanced $seen new flows of $connections: they go another way"
    fi
    kinds=$(printf '%s\n' "$after" | sed -n '/ removed *$/d;s/^ *ip[46]-\([a-z0-9]*\) .*/\1/p' | sort -u | tr '\n' ' ')
    case " $kinds" in
    *' gre'*) good "encapsulation: $kinds" ;;
    *) note "encapsulation: ${kinds:-none}; no GRE" && return ;;
    esac
  fi
  if [ "$local" = no ]; then
    for one in $(kube get pods -l "$as" -o name); do
      gre_of "$one" "$(kube exec "$one" -- sh -c "$GRE" </dev/null 2>/dev/null)"
    done
  else
    while read -r one; do
      # shellcheck disable=SC2086 # a command with arguments
      [ -z "$one" ] || gre_of "$one" "$($one sh -c "$GRE" </dev/null 2>/dev/null)"
    done <<END
$servers
END
  fi
}

gre_of() { # SERVER DEVICES
  if [ -n "$2" ]; then
    good "$1 takes GRE off: $(printf '%s' "$2" | tr '\n' ' ')"
  else
    bad "$1 has no GRE device that is up"
  fi
}

finish() {
  echo >&2
  if [ "$failures" -eq 0 ]; then
    echo "The load-balancer works." >&2
    exit 0
  fi
  echo "The load-balancer does not work: $failures of the checks failed." >&2
  exit 1
}

read_options "$@"
if [ "$local" = no ]; then
  [ "$vppctl_set" = yes ] || vppctl='vpplb vppctl'
  check_pods
else
  [ "$vppctl_set" = yes ] || vppctl=vppctl
  if [ -n "$vppctl" ]; then command -v "${vppctl%% *}" >/dev/null || give_up "there is no ${vppctl%% *}: see --vppctl"; fi
fi
check_vpp
check_ping
check_connections
check_gre
finish
