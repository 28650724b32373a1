import { parseLbYaml } from "../../src/config/index.ts";
import { Controller } from "../../src/controller/index.ts";

/** A controller that begins when it is told to, so that its start-up is over by then. */
interface Order {
  readonly socket: string;
  readonly journal: string;
  readonly yaml: string;
}

async function run({ socket, journal, yaml }: Order): Promise<void> {
  const controller = await Controller.start({ socket, journal, parse: parseLbYaml });
  controller.events$.subscribe((event) => {
    if (event.type === "sync" && event.state === "in-sync") process.send?.("in-sync");
  });
  await controller.load(yaml);
}

process.on("message", (order) => {
  run(order as Order).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
