import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";

/** One line of `uid_map`: ids inside, ids in our own user namespace, how many. */
export interface IdMapLine {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface IdMaps {
  readonly uid: readonly IdMapLine[];
  readonly gid: readonly IdMapLine[];
}

/**
 * The mappings of a user namespace, by the file that stands for it: `/proc/PID/ns/user`, or one that is bound elsewhere, which takes
 * util-linux's `nsenter` to look into.
 * @throws {EngineError} CONFIG_INVALID when it can't be read.
 * @see user_namespaces(7)
 */
export function readIdMaps(namespace: string): IdMaps {
  const [process] = /^\/proc\/(?:\d+|self)(?=\/ns\/user$)/.exec(namespace) ?? [];
  try {
    const read = (file: string): string =>
      process === undefined ? readInside(namespace, file) : readFileSync(`${process}/${file}`, "utf8");
    return { uid: parseIdMap(read("uid_map")), gid: parseIdMap(read("gid_map")) };
  } catch (cause) {
    throw new EngineError({
      kind: "invalidArgument",
      code: "CONFIG_INVALID",
      message: `read the id mappings of the user namespace \`${namespace}\`: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}

function readInside(namespace: string, file: string): string {
  const { error, status, stdout, stderr } = spawnSync("nsenter", [`--user=${namespace}`, "cat", `/proc/self/${file}`], {
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(stderr.trim());
  return stdout;
}

export function parseIdMap(text: string): readonly IdMapLine[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [containerID = 0, hostID = 0, size = 0] = line.trim().split(/\s+/).map(Number);
      return { containerID, hostID, size };
    });
}
