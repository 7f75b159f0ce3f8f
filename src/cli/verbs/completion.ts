import { invalidOption } from "../../core/invalid-option.ts";
import { defineVerb } from "../verb.ts";

export const completionVerb = defineVerb({
  usage: "bash",
  summary: "Print a completion script for a shell",
  details: "For the running shell: source <(wherry completion bash). For all: wherry completion bash > /etc/bash_completion.d/wherry",
  flags: {},
  minArguments: 1,
  maxArguments: 1,
  async run(context, { positionals: [shell = ""] }) {
    if (shell !== "bash") throw invalidOption(`no completion for \`${shell}\`: only bash is known so far`);
    const { bashCompletion } = await import("../completion/bash-completion.ts");
    await context.stdout.write(await bashCompletion());
    return 0;
  },
});
