import { writeFileSync } from "node:fs";
import { invalidOption } from "../../core/invalid-option.ts";
import { parseLine } from "../command-line.ts";
import { absolutePath } from "../container-argument.ts";
import { defaultSpec, rootlessSpec } from "../default-spec.ts";
import type { OciCommand } from "../oci-context.ts";

const flags = { bundle: { takes: "value", aliases: ["b"] }, rootless: { takes: "switch" } } as const;

/** Writes a `config.json` to start from; one that is there stays. */
export const spec: OciCommand = {
  flags,
  async run(args) {
    const { values } = parseLine(flags, args);
    const path = `${absolutePath(values.bundle ?? ".")}/config.json`;
    try {
      writeFileSync(path, `${JSON.stringify(values.rootless ? rootlessSpec(ownIds()) : defaultSpec(), null, 2)}\n`, {
        flag: "wx",
        mode: 0o666,
      });
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EEXIST") throw invalidOption(`file ${path} exists: remove it first`);
      throw error;
    }
    return 0;
  },
};

function ownIds(): { readonly uid: number; readonly gid: number } {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}
