/**
 * Sorting as VPP does it: glibc's merge sort (the left half takes the smaller part, of two the left one is taken unless
 * the comparison says "greater"). VPP compares some things inconsistently, and then the algorithm decides the order.
 */
export function mergeSort<T>(items: readonly T[], compare: (a: T, b: T) => number): T[] {
  if (items.length < 2) return [...items];
  const half = items.length >> 1;
  const a = mergeSort(items.slice(0, half), compare);
  const b = mergeSort(items.slice(half), compare);
  const merged: T[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i] as T;
    const y = b[j] as T;
    if (compare(x, y) <= 0) {
      merged.push(x);
      i += 1;
    } else {
      merged.push(y);
      j += 1;
    }
  }
  return [...merged, ...a.slice(i), ...b.slice(j)];
}

/** By name; of two where one begins the other, the first asked about is always "greater" (vec_cmp over unsigned lengths). */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  return a < b && !b.startsWith(a) ? -1 : 1;
}

/** Numeric order of addresses of one family. */
export function compareAddresses(a: number | Uint8Array, b: number | Uint8Array): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number" || typeof b === "number") return typeof a === "number" ? -1 : 1;
  return Buffer.compare(a, b);
}
