import { pauseContainer, resumeContainer } from "../../runtime/pause-container.ts";
import { parseLine } from "../command-line.ts";
import { oneContainer } from "../container-argument.ts";
import type { OciCommand } from "../oci-context.ts";

export const pause: OciCommand = {
  flags: {},
  async run(args, context) {
    await pauseContainer(oneContainer("pause", parseLine({}, args).words, context));
    return 0;
  },
};

export const resume: OciCommand = {
  flags: {},
  async run(args, context) {
    resumeContainer(oneContainer("resume", parseLine({}, args).words, context));
    return 0;
  },
};
