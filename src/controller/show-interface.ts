/** Of one interface, since VPP made it or its counters were cleared. */
export interface InterfaceCounters {
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly txPackets: number;
  readonly txBytes: number;
  readonly drops: number;
  readonly punts: number;
  readonly rxErrors: number;
  readonly txErrors: number;
  /** Not taken from the device in time. */
  readonly rxMisses: number;
  /** No buffer to take it in. */
  readonly rxNoBuffer: number;
}

const NONE: InterfaceCounters = {
  rxPackets: 0,
  rxBytes: 0,
  txPackets: 0,
  txBytes: 0,
  drops: 0,
  punts: 0,
  rxErrors: 0,
  txErrors: 0,
  rxMisses: 0,
  rxNoBuffer: 0,
};

/** VPP's words (vnet/interface_format.c, format_vnet_sw_interface_cntrs); it prints only what is not 0. */
const WORDS: Readonly<Record<string, keyof InterfaceCounters>> = {
  "rx packets": "rxPackets",
  "rx bytes": "rxBytes",
  "tx packets": "txPackets",
  "tx bytes": "txBytes",
  drops: "drops",
  punt: "punts",
  "rx-error": "rxErrors",
  "tx-error": "txErrors",
  "rx-miss": "rxMisses",
  "rx-no-buf": "rxNoBuffer",
};

const COUNTER = new RegExp(`(${Object.keys(WORDS).join("|")}) +(\\d+)\\s*$`);
const HEAD = /^(\S+) +\d+ +(?:up|down|error|unknown)\b/;

/** Counters of every interface in what `show interface` prints. */
export function parseInterfaceCounters(text: string): Map<string, InterfaceCounters> {
  const found = new Map<string, InterfaceCounters>();
  let name: string | undefined;
  for (const line of text.split("\n")) {
    name = HEAD.exec(line)?.[1] ?? name;
    if (name === undefined) continue;
    const known = found.get(name) ?? NONE;
    const [, word, count] = COUNTER.exec(line) ?? [];
    const key = word === undefined ? undefined : WORDS[word];
    found.set(name, key === undefined ? known : { ...known, [key]: Number(count) });
  }
  return found;
}
