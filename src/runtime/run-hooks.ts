import { EngineError } from "../core/engine-error.ts";
import { runHook } from "../kernel/run-hook.ts";
import type { OciConfig } from "../plan/oci-config.ts";
import { containerState } from "../plan/oci/container-state.ts";
import { timeoutMs } from "../plan/oci/hooks.ts";
import type { ContainerIdentity } from "../plan/plan-input.ts";

/**
 * Runs the hooks that follow a start or an end, in order; the other kinds are part of the launch plan. One that fails does not keep
 * the next from running, nor the container from having started or ended.
 * @returns what failed, a sentence each, for the log.
 * @see runtime-spec runtime.md#lifecycle
 */
export async function runHooks(
  config: OciConfig,
  identity: ContainerIdentity,
  point: { readonly kind: "poststart"; readonly pid: number } | { readonly kind: "poststop" },
): Promise<readonly string[]> {
  const state = containerState(
    config,
    identity,
    point.kind === "poststart" ? { status: "running", pid: point.pid } : { status: "stopped" },
  );
  const failures: string[] = [];
  for (const hook of config.hooks?.[point.kind] ?? []) {
    const { path, args = [path], env = [] } = hook;
    try {
      // One after the other: later hooks may build on earlier ones.
      // oxlint-disable-next-line no-await-in-loop
      await runHook({
        kind: point.kind,
        path,
        args,
        env,
        timeoutMs: timeoutMs(point.kind, hook),
        state: JSON.stringify(state),
        cwd: identity.bundle,
      });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      failures.push(error.message);
    }
  }
  return failures;
}
