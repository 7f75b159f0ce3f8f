import { leave } from "./leave.ts";
import { runCli } from "./run-cli.ts";

/** The command line of Wherry itself, for people. Ends this process. */
export async function cliMain(args: readonly string[]): Promise<never> {
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
}
