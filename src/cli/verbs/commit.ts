import { listFlag, stringFlag, switchFlag } from "../flags/flag-spec.ts";
import { defineVerb } from "../verb.ts";

export const commitVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  summary: "Create a new image from a container's changes",
  aliases: ["wherry container commit", "wherry commit"],
  flags: {
    author: stringFlag('Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', { short: "a" }),
    change: listFlag("Apply Dockerfile instruction to the created image", { short: "c" }),
    message: stringFlag("Commit message", { short: "m" }),
    pause: switchFlag("Pause container during commit", { short: "p", initial: true }),
    squash: switchFlag("Make one layer of all: the image's and what was changed"),
  },
  minArguments: 1,
  maxArguments: 2,
  async run(context, { values, positionals: [container = "", reference] }) {
    const { images } = await context.engine();
    const id = await images.commit(container, {
      pause: values.pause,
      ...(values.squash ? { squash: true } : {}),
      ...(reference === undefined ? {} : { reference }),
      ...(values.message === undefined ? {} : { message: values.message }),
      ...(values.author === undefined ? {} : { author: values.author }),
      ...(values.change.length === 0 ? {} : { changes: values.change }),
    });
    await context.stdout.write(`${id}\n`);
    return 0;
  },
});
