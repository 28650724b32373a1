import type { Command } from "commander";
import { withApi, type Api } from "./connect.ts";
import { action, CliError, examples, EXIT, explainError, type Context } from "./context.ts";

export function registerVppctl(program: Command): void {
  const command = program
    .command("vppctl")
    .summary("lines of VPP's CLI")
    .description(
      "Runs one line of VPP's CLI through the controller. `show lb vips` prints the VIPs also where VPP's own prints " +
        "nothing. Lines that may change VPP need --write: the controller puts back what is not as its configuration says.",
    )
    .argument("[command...]", "VPP's command")
    .option("--write", "the line may change VPP")
    .option(
      "--lines",
      "for scripts: run every line of standard input, in one process; before each answer comes a line with its return " +
        'value ("-": VPP was not asked) and its length in bytes',
    )
    .action(action(vppctl));
  examples(command, [
    "vpplb vppctl show lb vips",
    "vpplb vppctl show lb vips verbose",
    "vpplb vppctl --write clear errors",
    "vpplb vppctl --lines < lines.txt",
  ]);
}

interface Options {
  readonly write?: boolean;
  readonly lines?: boolean;
}

async function vppctl(context: Context, words: string[], { write = false, lines = false }: Options): Promise<number> {
  if (lines && words.length === 0) return runLines(context, write);
  if (lines) throw new CliError(EXIT.badInput, "--lines takes what it runs from standard input");
  const line = words.join(" ");
  if (line.trim() === "") throw new CliError(EXIT.badInput, "which line of VPP's CLI? Try `vpplb vppctl show version`");
  const { retval, output } = await withApi(context, {}, (api) => api.vppctl(line, { write }));
  if (context.json) context.printJson({ command: line, retval, output });
  else if (output !== "") (retval === 0 ? context.print : context.note)(output);
  return retval === 0 ? EXIT.ok : EXIT.failed;
}

/** One after another, each answered before the next is read. A line that fails ends nothing. */
async function runLines(context: Context, write: boolean): Promise<number> {
  const lines = new Lines(process.stdin);
  const end = () => process.stdin.destroy();
  context.signal.addEventListener("abort", end, { once: true });
  let failed = false;
  const answer = (retval: number | undefined, output: string) => {
    failed ||= retval !== 0;
    const text = output === "" || output.endsWith("\n") ? output : `${output}\n`;
    if (context.json) process.stdout.write(`${JSON.stringify({ command: lines.current, retval, output })}\n`);
    else process.stdout.write(`${retval ?? "-"} ${Buffer.byteLength(text)}\n${text}`);
    lines.done();
  };
  // Whom to ask is decided anew where there was nobody.
  while ((await lines.next()) !== undefined) {
    try {
      await withApi(context, {}, (api) => ask(api, lines, write, answer));
    } catch (error) {
      if (lines.current === undefined) throw error;
      answer(undefined, `vpplb: ${explainError(error).message}`);
    }
  }
  return failed ? EXIT.failed : EXIT.ok;
}

async function ask(
  api: Api,
  lines: Lines,
  write: boolean,
  answer: (retval: number, output: string) => void,
): Promise<void> {
  for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
    const { retval, output } = await api.vppctl(line, { write });
    answer(retval, output);
  }
}

const MAX_LINE = 65_536;

/** The lines of a stream; one stays the current one until it is done. */
class Lines {
  readonly #lines: AsyncGenerator<string, void>;
  #current: string | undefined;

  constructor(input: NodeJS.ReadStream) {
    this.#lines = linesOf(input);
  }

  get current(): string | undefined {
    return this.#current;
  }

  async next(): Promise<string | undefined> {
    this.#current ??= (await this.#lines.next()).value ?? undefined;
    return this.#current;
  }

  done(): void {
    this.#current = undefined;
  }
}

async function* linesOf(input: NodeJS.ReadStream): AsyncGenerator<string, void> {
  input.setEncoding("utf8");
  let rest = "";
  for await (const chunk of input) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE) throw new CliError(EXIT.badInput, `a line has more than ${MAX_LINE} characters`);
    yield* lines;
  }
  if (rest !== "") yield rest;
}
