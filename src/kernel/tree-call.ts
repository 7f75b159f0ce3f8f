import { EngineError } from "../core/engine-error.ts";
import { frameTypes, type RecordWriter } from "./tree-records.ts";
import { FrameReader, type TreeFrame, treeError } from "./tree-replies.ts";

/**
 * Runs the writer's records as one synchronous call of the launcher (about 1 ms): for the run path, and where a step or two is
 * all. Descriptors are passed in the order of `treeFd`. Without a socket on descriptor 3 the launcher reads from 0 and answers on 1.
 * @throws {EngineError} TREE_FAILED, TREE_LOST
 */
export function callTree(launcher: string, descriptors: readonly number[], writer: RecordWriter): TreeFrame[] {
  const result = process.getBuiltinModule("node:child_process").spawnSync(launcher, ["tree"], {
    stdio: ["pipe", "pipe", "inherit", "ignore", ...descriptors],
    input: writer.take(),
    maxBuffer: Number.POSITIVE_INFINITY,
  });
  const frames = new FrameReader().push(result.stdout ?? Buffer.alloc(0));
  const last = frames.at(-1);
  if (last?.type === frameTypes.error) throw treeError(last);
  if (last?.type !== frameTypes.done) {
    throw new EngineError({
      kind: "internal",
      code: "TREE_LOST",
      message: `tree operations: the launcher \`${launcher}\` ended before it had answered`,
      cause: result.error,
    });
  }
  return frames;
}
