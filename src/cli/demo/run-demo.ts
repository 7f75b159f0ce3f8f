import { baseReference } from "../../core/base-reference.ts";
import type { CliContext } from "../cli-context.ts";
import { showCost } from "./show-cost.ts";
import { showLayers } from "./show-layers.ts";
import { showLimits } from "./show-limits.ts";
import { showNamespaces } from "./show-namespaces.ts";
import { Stage } from "./stage.ts";

/**
 * The containers demo of the talk "Linux Containers (LXC): lightweight virtualisation alternative to VMs", on real containers: each claim
 * is shown and checked. The exit code is 1 when one does not hold.
 */
export async function runDemo(context: CliContext): Promise<number> {
  const begin = performance.now();
  const engine = await context.engine();
  await engine.images.ensureBase();
  await using stage = new Stage(engine, context.stdout, baseReference);
  await stage.say("Containers = namespaces + control groups, over layers. Each line is a claim, and what was seen.");
  await showNamespaces(stage);
  await showLimits(stage, context.globals.root);
  await showLayers(stage);
  await showCost(stage);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  const verdict = stage.failures === 0 ? `All ${stage.claims} claims hold` : `${stage.failures} of ${stage.claims} claims do not hold`;
  await stage.say(
    `\n${verdict} (${seconds} s). How a container is made, step by step: wherry run --rm --explain=only ${baseReference} true`,
  );
  return stage.failures === 0 ? 0 : 1;
}
