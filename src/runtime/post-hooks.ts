import type { OciConfig } from "../plan/oci-config.ts";
import type { ContainerIdentity } from "../plan/plan-input.ts";

/** Runs the poststart hooks, in order. The container runs on whatever they do; what fails is told by `warn`. */
export async function poststart(
  config: OciConfig,
  identity: ContainerIdentity,
  { pid, warn }: { readonly pid: number; readonly warn: (message: string) => void },
): Promise<void> {
  if ((config.hooks?.poststart ?? []).length === 0) return;
  const { runHooks } = await import("./run-hooks.ts");
  for (const failure of await runHooks(config, identity, { kind: "poststart", pid })) warn(failure);
}

/** Runs the poststop hooks, in order; the container is removed whatever they do. */
export async function poststop(config: OciConfig, identity: ContainerIdentity, warn: (message: string) => void): Promise<void> {
  if ((config.hooks?.poststop ?? []).length === 0) return;
  const { runHooks } = await import("./run-hooks.ts");
  for (const failure of await runHooks(config, identity, { kind: "poststop" })) warn(failure);
}
