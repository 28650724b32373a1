#!/usr/bin/env node
import { run } from "../dist/generate/main.js";

run(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error) => {
    process.stderr.write(`vpp-api-gen: ${error.message}\n`);
    process.exitCode = 1;
  },
);
