import { Classifier, type PlacedRule } from "./classifier.ts";
import type { FiveTuple } from "./tuple.ts";
import type { Acl, AclMatch } from "./types.ts";

interface Family {
  readonly placed: readonly PlacedRule[];
  readonly classifier: Classifier;
}

/**
 * Several access lists one after the other, compiled when the first packet after a change needs them, so that many changes
 * cost one compilation.
 */
export class AclMatcher {
  readonly #lookup: (aclIndex: number) => Acl | undefined;
  #aclIndexes: readonly number[] = [];
  #ip4: Family | undefined;
  #ip6: Family | undefined;

  constructor(lookup: (aclIndex: number) => Acl | undefined) {
    this.#lookup = lookup;
  }

  get aclIndexes(): readonly number[] {
    return this.#aclIndexes;
  }

  /** Unknown lists match nothing. */
  set(aclIndexes: readonly number[]): void {
    this.#aclIndexes = [...aclIndexes];
    this.invalidate();
  }

  /** One of the lists has other rules. */
  invalidate(): void {
    this.#ip4 = undefined;
    this.#ip6 = undefined;
  }

  /** The first rule that matches, over all lists in order. */
  match(bytes: Uint8Array, tuple: FiveTuple, matchFragments: boolean): PlacedRule | undefined {
    const family = tuple.isIp4 ? (this.#ip4 ??= this.#compile(true)) : (this.#ip6 ??= this.#compile(false));
    const found = family.classifier.match(bytes, tuple, matchFragments);
    return found < 0 ? undefined : family.placed[found];
  }

  #compile(isIp4: boolean): Family {
    const placed: PlacedRule[] = [];
    this.#aclIndexes.forEach((aclIndex, position) => {
      for (const [ruleIndex, rule] of (this.#lookup(aclIndex)?.rules ?? []).entries())
        if ((typeof rule.source === "number") === isIp4) placed.push({ rule, position, aclIndex, ruleIndex });
    });
    const rules = placed.map(({ rule }) => rule);
    return { placed, classifier: new Classifier(rules, isIp4) };
  }
}

/** Where a placed rule is, and what it says. */
export function toMatch({ rule, position, aclIndex, ruleIndex }: PlacedRule): AclMatch {
  return { position, aclIndex, ruleIndex, action: rule.action };
}
