import { leave } from "./leave.ts";
import { runCli } from "./run-cli.ts";

// The runtime leaves SIGPIPE deadly. With a handler the write fails with EPIPE instead, and `rm a b c | head -1` still removes all three.
process.on("SIGPIPE", () => {});

const args = process.argv.slice(2);

if (args[0] === "internal") {
  const { internalMain } = await import("../internal/main.ts");
  process.exit(await internalMain(args.slice(1)));
}

// Also what other engines are given as the path of their runtime: a link to this program with one of these names.
if (args[0] === "oci" || /(^|\/)wherry-(oci|runc)$/.test(process.argv0)) {
  const { ociMain } = await import("../oci/main.ts");
  process.exit(await ociMain(args[0] === "oci" ? args.slice(1) : args));
}

let opened = false;
const code = await runCli(args, {
  env: process.env,
  createEngine: async (options) => {
    opened = true;
    return (await import("../engine/create-engine.ts")).createEngine(options);
  },
});
if (opened) leave(code);
process.exit(code);
