/**
 * Which lines of VPP's CLI only look. Words may be abbreviated, as VPP takes them; what is not surely harmless needs
 * `write`.
 */
const READ_ONLY: readonly (readonly string[])[] = [
  ["show"],
  ["ping"],
  ["help"],
  ["?"],
  ["trace", "add"],
  ["clear", "trace"],
];

const MAX_LENGTH = 4096;

/** What is wrong with a line as such; undefined: nothing. */
export function badCommand(command: string): string | undefined {
  if (command.trim() === "") return "the command is empty: try `show version`";
  if (command.length > MAX_LENGTH) return `the command is longer than ${MAX_LENGTH} characters`;
  if (/[\n\r\0]/.test(command)) return "one line at a time: the command holds a newline";
  return undefined;
}

/** True for lines that surely change nothing that matters. */
export function isReadOnly(command: string): boolean {
  const words = command.trim().toLowerCase().split(/\s+/);
  return READ_ONLY.some((pattern) =>
    pattern.every((word, i) => {
      const given = words[i] ?? "";
      // Two letters at the least: `s` alone is ambiguous, `sh` is show.
      return given === word || (given.length >= 2 && word.startsWith(given));
    }),
  );
}
