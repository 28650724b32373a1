#!/usr/bin/env node
// The compiled CLI; `npm run build` makes it.
import { main } from "../dist/cli/main.js";

await main(process.argv);
