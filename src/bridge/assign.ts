/** `flow http 4`, `stream web 6 gre4 1024`: what has an address inside VPP, with its family. */
const KEY = /^(flow|stream|echo) (\S+) ([46])(?: .*)?$/;

/** For people: `stream web (IPv4)`. */
export function titleOfKey(key: string): string {
  const match = KEY.exec(key);
  return match === null ? key : `${match[1]} ${match[2]} (IPv${match[3]})`;
}

/** Whose address it is, for people. */
export function titleOfAddress(
  address: string | undefined,
  assigned: ReadonlyMap<string, string> | undefined,
): string | undefined {
  const entry = [...(assigned ?? [])].find(([, one]) => one === address);
  return entry && titleOfKey(entry[0]);
}
