import { stringFlag } from "../flags/flag-spec.ts";

/** `--format` of the verbs that print lists. */
export const listFormatFlag = stringFlag(
  "Format output using a custom template:\n'table':            Print output in table format with column headers (default)\n'table TEMPLATE':   Print output in table format using the given Go template\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template",
);

/** `--format` of the verbs that describe one thing. */
export const itemFormatFlag = stringFlag(
  "Format output using a custom template:\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template",
  { short: "f" },
);
