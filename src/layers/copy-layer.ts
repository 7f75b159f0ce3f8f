import type { HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";

/**
 * Copies a layer's tree with owners, modes, times, hard links, xattrs and device nodes; `target` must not exist. By the host's cp:
 * a layer is quiet and Wherry's own, so that walking it by path is safe, and cp shares blocks where the file system can.
 * @throws {EngineError} LAYER_COPY_FAILED; what was copied until then stays.
 */
export function copyLayer(layer: HostPath, target: HostPath): void {
  const copy = process
    .getBuiltinModule("node:child_process")
    .spawnSync("cp", ["-a", "--reflink=auto", "-T", "--", layer, target], { encoding: "utf8" });
  if (copy.status === 0) return;
  throw new EngineError({
    kind: "internal",
    code: "LAYER_COPY_FAILED",
    message: `copy layer \`${layer}\`: ${copy.error?.message ?? copy.stderr.trim()}`,
  });
}
