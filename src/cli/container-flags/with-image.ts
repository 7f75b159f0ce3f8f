import { EngineError } from "../../core/engine-error.ts";
import type { CliContext } from "../cli-context.ts";
import type { FlagSpec } from "../flags/flag-spec.ts";
import { invalidValue, parsedFlag, stringFlag, switchFlag } from "../flags/flag-spec.ts";

type PullPolicy = "always" | "missing" | "never";

/** Of `run` and `create`: when to pull the image. */
export const pullFlags = {
  platform: stringFlag("Set platform if server is multi-platform capable"),
  pull: parsedFlag('Pull image before running ("always", "missing", "never")', { defaultText: '"missing"', parse: parsePolicy }),
  quiet: switchFlag("Suppress the pull output", { short: "q" }),
} as const satisfies Readonly<Record<string, FlagSpec<unknown>>>;

/** Does `work`, which needs the image: pulled before when that is wanted, or when `work` finds that it is not here. */
export async function withImage<Result>(
  context: CliContext,
  image: string,
  values: { readonly pull: PullPolicy | undefined; readonly quiet: boolean; readonly platform: string | undefined },
  work: () => Promise<Result>,
): Promise<Result> {
  const { platform } = values;
  const pull = async (missing: "" | "any" | "platform"): Promise<void> => {
    const { pullForContainer } = await import("../transfer/pull-missing.ts");
    await pullForContainer(context, image, { quiet: values.quiet, missing, platform });
  };
  if (values.pull === "always") await pull("");
  try {
    return await work();
  } catch (error) {
    const code = error instanceof EngineError ? error.code : "";
    if (values.pull === "never" || (code !== "IMAGE_NOT_FOUND" && code !== "PLATFORM_NOT_FOUND")) throw error;
    await pull(code === "IMAGE_NOT_FOUND" ? "any" : "platform");
    return await work();
  }
}

function parsePolicy(text: string): PullPolicy {
  if (text === "always" || text === "missing" || text === "never") return text;
  throw invalidValue('use "always", "missing" or "never"');
}
