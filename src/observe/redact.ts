const SECRET_KEY = /secret|passw|token|private_?key|credential/i;
/** `secret abc`, `password: "abc"`, `token=abc`: VPP's CLI and YAML alike. */
const SECRET_TEXT =
  /\b(secret|passw(?:or)?d|token|private[_-]?key)(["']?\s*[:=]\s*|\s+)("[^"]*"|'[^']*'|[^\s,;}"']+)/gi;
const HIDDEN = "[redacted]";

/** A text without what follows words such as `secret` and `password`. */
export function redactText(text: string): string {
  return text.replace(SECRET_TEXT, (_, word: string, between: string) => `${word}${between}${HIDDEN}`);
}

/** Plain data without the values of members that are named like secrets, and without secrets in its texts. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value !== "object" || value === null || depth > 8) return value;
  if (Array.isArray(value)) return value.map((one) => redact(one, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, SECRET_KEY.test(key) ? HIDDEN : redact(member, depth + 1)]),
  );
}
