import type { ContainerId } from "../core/brands.ts";

/**
 * The mains of the processes that Wherry starts for itself: `wherry internal exit ROOT RUNROOT ID` is the monitor's exit hook,
 * `wherry internal mount-layers ROOT RUNROOT HEX...` mounts layers that are stored but, after a boot, not mounted.
 * Returns the exit status.
 */
export async function internalMain(args: readonly string[]): Promise<number> {
  const [verb, root = "", runRoot = "", id = ""] = args;
  if (verb === "exit" && id !== "") {
    const { createContainerHost } = await import("../engine/create-host.ts");
    const { reconcile } = await import("../containers/reconcile.ts");
    const host = createContainerHost({ root, runRoot });
    await reconcile(host, id as ContainerId);
    host.bell.ring();
    return 0;
  }
  if (verb === "mount-layers") {
    const { mountLayers } = await import("../engine/mount-layers.ts");
    try {
      await mountLayers({ root, runRoot, names: args.slice(3) });
      return 0;
    } catch (error) {
      process.stderr.write(error instanceof Error ? error.message : String(error));
      return 1;
    }
  }
  process.stderr.write("wherry: `internal` is for Wherry's own processes\n");
  return 125;
}
