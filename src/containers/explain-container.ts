import type { ExplainedPlan } from "../plan/explained-plan.ts";
import { compilePlan } from "../plan/compile.ts";
import { explainPlan } from "../plan/explain.ts";
import type { AccountFiles } from "../spec/accounts.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { launchInput } from "./launch-input.ts";

/** The plan that starting this row would carry out now, from the same input and compiler as a real start. Changes nothing. */
export async function explainContainer(host: ContainerHost, row: ContainerRow, accounts?: AccountFiles): Promise<ExplainedPlan> {
  return explainPlan(compilePlan(await launchInput(host, row, accounts === undefined ? {} : { accounts })));
}
