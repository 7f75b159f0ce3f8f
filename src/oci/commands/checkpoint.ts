import { EngineError } from "../../core/engine-error.ts";
import type { OciCommand } from "../oci-context.ts";

const refuse = (verb: string): OciCommand => ({
  flags: {},
  async run() {
    throw new EngineError({
      kind: "notImplemented",
      code: "NOT_IMPLEMENTED",
      message: `${verb}: checkpoints are not supported: they would be CRIU's work, and nothing here speaks to it yet`,
    });
  },
});

export const checkpoint: OciCommand = refuse("checkpoint");
export const restore: OciCommand = refuse("restore");
