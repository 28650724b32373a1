import { Argument, type Command, type Option } from "commander";
import { action, examples, type Context } from "./context.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

export function registerCompletion(program: Command): void {
  const command = program
    .command("completion")
    .summary("completion for bash, zsh or fish")
    .description("Prints a completion script for a shell.")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .action(action((context: Context, shell: Shell) => context.print(completionScript(shell, program))));
  examples(command, [
    "source <(vpplb completion bash)",
    'vpplb completion zsh > "${fpath[1]}/_vpplb"',
    "vpplb completion fish > ~/.config/fish/completions/vpplb.fish",
  ]);
}

/** One command, by its words (`traffic client`), with what can follow. */
interface Entry {
  readonly words: string;
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly { readonly flags: readonly string[]; readonly summary: string; readonly value: Value }[];
  /** Fixed words of the first argument. */
  readonly choices: readonly string[];
}

/** What follows an option: nothing, a file, one of some words, or anything. */
type Value = "none" | "file" | "any" | readonly string[];

export function completionScript(shell: Shell, program: Command): string {
  const entries = walk(program, "", []);
  if (shell === "bash") return bash(entries);
  return shell === "zsh" ? zsh(entries) : fish(entries);
}

function walk(command: Command, words: string, inherited: readonly Option[]): Entry[] {
  const shared = [...inherited, ...command.options];
  const children = command.commands.filter((child) => child.name() !== "help");
  const entry: Entry = {
    words,
    subcommands: children.map((child) => ({ name: child.name(), summary: child.summary() || child.description() })),
    options: [
      ...shared.map((option) => ({ flags: flagsOf(option), summary: option.description, value: valueOf(option) })),
      { flags: ["-h", "--help"], summary: "help", value: "none" as const },
    ],
    choices: command.registeredArguments[0]?.argChoices ?? [],
  };
  const below = children.flatMap((child) => walk(child, `${words} ${child.name()}`.trim(), shared));
  return [entry, ...below];
}

function flagsOf({ short, long }: Option): string[] {
  return [short, long].filter((flag): flag is string => flag != null);
}

function valueOf(option: Option): Value {
  if (!option.required && !option.optional) return "none";
  if (option.argChoices !== undefined) return option.argChoices;
  return /<(file|socket)>/.test(option.flags) ? "file" : "any";
}

/** Single-quoted for any of the shells: names and summaries are ours, but may hold an apostrophe. */
function quote(text: string, escape = `'\\''`): string {
  return `'${text.replaceAll("'", escape)}'`;
}

function bash(entries: readonly Entry[]): string {
  const cases = entries.map(({ words, subcommands, options, choices }) => {
    const offered = [...subcommands.map(({ name }) => name), ...choices, ...options.flatMap(({ flags }) => flags)];
    const values = options.flatMap(({ flags, value }) => {
      if (value === "none") return [];
      const reply =
        value === "file"
          ? `COMPREPLY=($(compgen -f -- "$cur"))`
          : value === "any"
            ? "COMPREPLY=()"
            : `COMPREPLY=($(compgen -W ${quote(value.join(" "))} -- "$cur"))`;
      return [`        ${flags.join("|")}) ${reply}; return ;;`];
    });
    const prev = values.length === 0 ? "" : `      case "$prev" in\n${values.join("\n")}\n      esac\n`;
    return `    ${quote(words)})\n${prev}      COMPREPLY=($(compgen -W ${quote(offered.join(" "))} -- "$cur")) ;;`;
  });
  const known = entries.map(({ words }) => quote(words)).join("|");
  return `# bash completion for vpplb: source <(vpplb completion bash)
_vpplb() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" at='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${at:+$at }$word" in
      ${known}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at" in
${cases.join("\n")}
  esac
}
complete -o filenames -F _vpplb vpplb
`;
}

function zsh(entries: readonly Entry[]): string {
  const escape = (text: string) => text.replace(/[[\]:\\]/g, "\\$&");
  const cases = entries.map(({ words, subcommands, options, choices }) => {
    const specs = options.map(({ flags, summary, value }) => {
      const after =
        value === "none"
          ? ""
          : value === "file"
            ? ":file:_files"
            : value === "any"
              ? ":value:"
              : `:value:(${value.join(" ")})`;
      const names = flags.length > 1 ? `(${flags.join(" ")})` : "";
      return flags.map((flag) => quote(`${names}${flag}[${escape(summary)}]${after}`)).join(" ");
    });
    const described = subcommands.map(({ name, summary }) => quote(`${name}:${escape(summary)}`)).join(" ");
    const first =
      subcommands.length > 0
        ? `\n      local -a commands=(${described})\n      _describe command commands`
        : choices.length > 0
          ? `\n      compadd -- ${choices.join(" ")}`
          : "";
    return `    ${quote(words)})${first}\n      _arguments -S ${specs.join(" ")} '*::arg:_files' ;;`;
  });
  const known = entries.map(({ words }) => quote(words)).join("|");
  return `#compdef vpplb
# zsh completion for vpplb: a file named _vpplb in a directory of $fpath
_vpplb() {
  local at='' word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${at:+$at }$word" in
      ${known}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = "_vpplb" ]; then
  _vpplb "$@"
else
  compdef _vpplb vpplb
fi
`;
}

function fish(entries: readonly Entry[]): string {
  const escape = (text: string) => quote(text.replaceAll("\\", "\\\\"), "\\'");
  const lines = entries.flatMap(({ words, subcommands, options, choices }) => {
    const condition = `-n ${escape(`__vpplb_at ${escape(words)}`)}`;
    return [
      ...subcommands.map(({ name, summary }) => `complete -c vpplb -f ${condition} -a ${name} -d ${escape(summary)}`),
      ...(choices.length === 0 ? [] : [`complete -c vpplb -f ${condition} -a ${escape(choices.join(" "))}`]),
      ...options.map(({ flags, summary, value }) => {
        const names = flags
          .map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
          .join(" ");
        const after =
          value === "none"
            ? ""
            : value === "file"
              ? " -r -F"
              : value === "any"
                ? " -x"
                : ` -x -a ${escape(value.join(" "))}`;
        return `complete -c vpplb ${condition} ${names}${after} -d ${escape(summary)}`;
      }),
    ];
  });
  const known = entries.filter(({ words }) => words !== "").map(({ words }) => escape(words));
  return `# fish completion for vpplb: ~/.config/fish/completions/vpplb.fish
function __vpplb_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        set -l next (string trim -- "$at $word")
        contains -- "$next" ${known.join(" ")}; and set at "$next"
    end
    test "$at" = "$argv[1]"
end
complete -c vpplb -f
${lines.join("\n")}
`;
}
