import { defineVerb } from "../verb.ts";

const LETTERS = { added: "A", changed: "C", deleted: "D" } as const;

export const diffVerb = defineVerb({
  usage: "CONTAINER",
  summary: "Inspect changes to files or directories on a container's filesystem",
  aliases: ["wherry container diff", "wherry diff"],
  flags: {},
  minArguments: 1,
  maxArguments: 1,
  async run(context, { positionals: [reference = ""] }) {
    const { containers } = await context.engine();
    const changes = await containers.diff(reference);
    await context.stdout.write(changes.map(({ kind, path }) => `${LETTERS[kind]} ${path}\n`).join(""));
    return 0;
  },
});
