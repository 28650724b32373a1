import type { JournalSections } from "../history/index.ts";

/** A journal as one object, as it was in a file of JSON: `owned` with lists, further lists and maps, single values. */
export interface JournalShape {
  readonly owned: Readonly<Record<string, unknown>>;
  readonly accepted: Readonly<Record<string, string>>;
  readonly assigned?: Readonly<Record<string, string>>;
  readonly pacing: readonly string[];
  readonly drains: readonly { readonly server: string; readonly vip?: string | undefined }[];
  readonly vpp?: unknown;
}

/** The section of what there is one of. */
const SINGLE = "single";
const OWNED = "owned.";

/** In sections a list is keyed by its elements, so that a write concerns what changed and nothing else. */
export function toSections(journal: JournalShape): JournalSections {
  const sections: Record<string, Record<string, unknown>> = {
    [SINGLE]: journal.vpp === undefined ? {} : { vpp: journal.vpp },
    accepted: journal.accepted,
    assigned: journal.assigned ?? {},
    pacing: keyed(journal.pacing),
    drains: Object.fromEntries(journal.drains.map((drain) => [`${drain.server} ${drain.vip ?? ""}`, drain])),
  };
  for (const [name, value] of Object.entries(journal.owned)) {
    if (Array.isArray(value)) sections[OWNED + name] = keyed(value);
    else sections[SINGLE]![OWNED + name] = value;
  }
  return sections;
}

/** The reverse; what is in no section is not in the object. */
export function fromSections(sections: JournalSections): Record<string, unknown> {
  const owned: Record<string, unknown> = {};
  for (const [name, entries] of Object.entries(sections)) {
    if (name.startsWith(OWNED)) owned[name.slice(OWNED.length)] = Object.values(entries);
  }
  for (const [name, value] of Object.entries(sections[SINGLE] ?? {})) {
    if (name.startsWith(OWNED)) owned[name.slice(OWNED.length)] = value;
  }
  const vpp = sections[SINGLE]?.["vpp"];
  return {
    version: 1,
    ...(vpp === undefined ? {} : { vpp }),
    owned,
    accepted: sections["accepted"] ?? {},
    assigned: sections["assigned"] ?? {},
    pacing: Object.values(sections["pacing"] ?? {}),
    drains: Object.values(sections["drains"] ?? {}),
  };
}

function keyed(list: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(list.map((element) => [String(element), element]));
}
