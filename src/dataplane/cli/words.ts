/**
 * Command words of VPP 26.06 that the embedded dataplane does not have. They take part in abbreviation, so that a short
 * form that VPP finds ambiguous is ambiguous here too (`sh l`, `cl int`); written out they are unknown input.
 */
export const FOREIGN_WORDS: Readonly<Record<string, string>> = {
  "":
    "adjacency api app bfd bier binary-api bond bvi classify configure define device echo event-logger flow " +
    "ipfix ipsec kill l2 l3xc memory-trace monitor mpls p2p_ethernet packet-generator pcap pipe policer punt qos " +
    "renumber restart save session sfdp sr suspend tcp udp undefine wait",
  show:
    "adj app arp bfd bier bihash bond classify cli cpu crypto device dma dpo event-logger features fib " +
    "files flow frame-queue gdb graph gre hash inacl init-function ioam " +
    "ip6-ll ipip ipsec l2 l2patch l2xcrw l3xc load-balance load-balance-map " +
    "logging lookup-dpo macro mfib mpls outacl packet-generator pcap pci physmem policer punt qos replicate " +
    "segment-manager session sfdp sr statistics syslog tcp teib tun udp unix virtio vlib vxlan",
  set:
    "arp clock crypto fib flow flow-offload host-interface ioam ip6 ipfix ipsec l2fib logging node pcap " +
    "policer punt sfdp sr syslog terminal trace virtio",
  clear: "api fib ioam ipsec logging node runtime session sr tcp",
  create: "6rd bond gre ipip packet-generator teib vxlan",
  delete: "6rd bond ipip packet-generator teib vxlan",
  ip: "container mroute punt syn virtual",
  ip6: "nd punt",
  lb: "set",
  trace: "filter frame-queue",
  test: "dma fib-walk-process frame-queue ip6 l2fib l2patch log sfdp syslog",
  "show ip": "container local mfib neighbor-stats neighbor-watcher pmtu punt source-and-port-range-check",
  "show ip6": "dad hbh interface local mfib punt",
  "show interface": "default rx-placement secondary-mac-address span transceiver tx-hash",
  "show api": "dump histogram message-table plugin ring-stats trace-status",
  "show trace": "filter timestamp-format",
  "set interface":
    "bond default feature handoff hw-class input ip6-nd ipsec mpls name output promiscuous proxy-arp rss " +
    "rx-mode rx-placement secondary-mac-address span tx-hash tx-queue unnumbered",
  "set interface ip": "directed-broadcast vxlan-bypass",
  "set interface ip6": "vxlan-bypass",
  "set interface l2": "efp-filter flood forward input learn output pbb-tag-rewrite rewrite xcrw",
  "set ip": "classify flow-hash reassembly source-and-port-range-check",
  "set bridge-domain": "rewrite default-learn-limit",
  enable: "ip4",
  "set acl-plugin": "macip",
  "show acl-plugin": "macip",
  "delete acl-plugin": "macip",
  interface: "collect",
};
