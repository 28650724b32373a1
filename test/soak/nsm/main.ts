/**
 * `npm run soak:nsm -- [--clients N] [--kernel N] [--minutes M] [--lifetime S] [--seed S]`: NSM clients connect, refresh,
 * leave and crash against one endpoint. Exit code 1 where something does not settle, is left over, or memory grows.
 */
import { parseArgs } from "node:util";
import { judge } from "./judge.ts";
import { nsmSoak, SOAK_ROLES } from "./soak.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "300" },
    kernel: { type: "string", default: "20" },
    minutes: { type: "string", default: "5" },
    lifetime: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() >>> 0) },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

say(`${values.clients} clients, ${values.kernel} of them KERNEL, ${values.minutes} min, seed ${values.seed}`);
const result = await nsmSoak({
  clients: Number(values.clients),
  kernel: Number(values.kernel),
  durationMs: Number(values.minutes) * 60_000,
  lifetimeMs: Number(values.lifetime) * 1000,
  seed: Number(values.seed),
  say: (text) => say(`  ${text}`),
});
say(`${result.rounds} rounds in ${Math.round(result.elapsedMs / 1000)} s: ${JSON.stringify(result.counts)}`);
const wrong = judge(result, true, (text) => say(`  ${text}`));
const lost = judge({ ...result, end: result.leaking }, false, () => undefined).filter((one) => one.includes("fds"));
if (lost.length < SOAK_ROLES.length) wrong.push("a descriptor that is lost on purpose is not found");
for (const one of wrong) say(`BAD: ${one}`);
process.exit(wrong.length === 0 ? 0 : 1);
