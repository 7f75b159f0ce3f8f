import { defineVerb } from "../verb.ts";

export const demoVerb = defineVerb({
  usage: "",
  summary: "Show on real containers what a container is",
  flags: {},
  minArguments: 0,
  maxArguments: 0,
  async run(context) {
    const { runDemo } = await import("../demo/run-demo.ts");
    return await runDemo(context);
  },
});
