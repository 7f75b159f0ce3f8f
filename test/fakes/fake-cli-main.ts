import { runCli } from "../../src/cli/run-cli.ts";

// The command line of src/cli/main.ts over the fake engine: for start-time measurements and tests of terminals and signals without root.
process.on("SIGPIPE", () => {});
process.exit(
  await runCli(process.argv.slice(2), {
    env: process.env,
    createEngine: async () => new (await import("./fake-engine.ts")).FakeEngine(),
  }),
);
