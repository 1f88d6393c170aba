// Standard JSON from stdin through solc-js to stdout; `--version` in the native compiler's words.
"use strict";

const fs = require("node:fs");
const solc = require("solc");

if (process.argv.includes("--version")) {
  const version = solc.version().replace(/\.Emscripten\.clang$/, ".Linux.g++");
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else {
  const output = Buffer.from(solc.compile(fs.readFileSync(0, "utf8")));
  for (let done = 0; done < output.length; ) {
    done += fs.writeSync(1, output, done);
  }
}
