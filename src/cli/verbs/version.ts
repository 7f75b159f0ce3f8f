import { versionJson } from "../docker-json/info-json.ts";
import { itemFormatFlag } from "../format/format-flag.ts";
import { formatOne } from "../format/format-list.ts";
import { defineVerb } from "../verb.ts";

export const versionVerb = defineVerb({
  usage: "[OPTIONS]",
  summary: "Show version information",
  flags: { format: itemFormatFlag },
  minArguments: 0,
  maxArguments: 0,
  async run(context, { values }) {
    const version = await (await context.engine()).system.version();
    if (values.format !== undefined && values.format !== "") {
      await context.stdout.write(formatOne(versionJson(version), values.format));
      return 0;
    }
    const lines = [
      ["Version", version.version],
      ["Git commit", version.gitCommit],
      ["OS/Arch", `${version.os}/${version.architecture}`],
      ["Kernel", version.kernel],
      ["Runtime", version.runtime],
      ["Launcher", version.launcher],
    ];
    await context.stdout.write(`Wherry:\n${lines.map(([name, value]) => ` ${`${name}:`.padEnd(13)}${value}\n`).join("")}`);
    return 0;
  },
});
