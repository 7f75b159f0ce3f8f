import type { LogOptions } from "../../engine/engine.ts";
import { invalidValue, parsedFlag, switchFlag } from "../flags/flag-spec.ts";
import { parseMoment } from "../flags/moment.ts";
import { brokenPipeExitCode } from "../output/output-sink.ts";
import { defineVerb } from "../verb.ts";

export const logsVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER",
  summary: "Fetch the logs of a container",
  aliases: ["wherry container logs", "wherry logs"],
  flags: {
    details: switchFlag("Show extra details provided to logs", { hidden: true }),
    follow: switchFlag("Follow log output", { short: "f" }),
    since: parsedFlag('Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)', {
      parse: checkMoment,
    }),
    tail: parsedFlag("Number of lines to show from the end of the logs", { short: "n", defaultText: '"all"', parse: parseTail }),
    timestamps: switchFlag("Show timestamps", { short: "t" }),
    until: parsedFlag('Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)', {
      parse: checkMoment,
    }),
  },
  minArguments: 1,
  maxArguments: 1,
  async run(context, { values, positionals: [reference = ""] }) {
    const now = context.now();
    const options: LogOptions = {
      stdout: true,
      stderr: true,
      follow: values.follow,
      ...(values.tail === undefined || values.tail === "all" ? {} : { tail: values.tail }),
      ...(values.since === undefined ? {} : { since: parseMoment(values.since, now) }),
      ...(values.until === undefined ? {} : { until: parseMoment(values.until, now) }),
    };
    const { containers } = await context.engine();
    const withinLine = { stdout: false, stderr: false };
    for await (const entry of containers.logs(reference, options)) {
      const sink = entry.stream === "stdout" ? context.stdout : context.stderr;
      // A long line comes in parts; only its first has the time before it.
      if (values.timestamps && !withinLine[entry.stream]) await sink.write(`${entry.time} `);
      withinLine[entry.stream] = entry.partial;
      await sink.write(entry.bytes);
      if (sink.readerLeft) return brokenPipeExitCode;
    }
    return 0;
  },
});

function checkMoment(text: string): string {
  parseMoment(text, new Date(0));
  return text;
}

function parseTail(text: string): number | "all" {
  // Less than nothing is all to docker too, as its documentation says.
  if (text === "all" || /^-\d+$/.test(text)) return "all";
  if (!/^\d+$/.test(text)) throw invalidValue('use a number of lines, or "all"');
  return Number(text);
}
