import { type FlagSpec, invalidValue, switchFlag } from "../flags/flag-spec.ts";

type ExplainMode = "run" | "only";

const explain: FlagSpec<ExplainMode | undefined> = {
  valueName: "mode",
  help: 'Print the numbered list of kernel operations on standard error, then run; with "only": print it on standard output and do nothing',
  isSwitch: false,
  valueWhenAlone: "run",
  initial: undefined,
  take: (_, text) => {
    if (text === "run" || text === "only") return text;
    throw invalidValue("use --explain or --explain=only");
  },
};

/** `--explain[=only]` and `--json`, shared by `run` and `create`. */
export const explainFlags = {
  explain,
  json: switchFlag("Print the explained plan as JSON"),
} as const;
