import { formatBinarySize } from "../../core/size.ts";
import type { SystemInfo } from "../../engine/engine.ts";
import { infoJson } from "../docker-json/info-json.ts";
import { itemFormatFlag } from "../format/format-flag.ts";
import { formatOne } from "../format/format-list.ts";
import { printWarnings } from "../output/print-warnings.ts";
import { defineVerb } from "../verb.ts";

export const infoVerb = defineVerb({
  usage: "[OPTIONS]",
  summary: "Display system-wide information",
  aliases: ["wherry system info", "wherry info"],
  flags: { format: itemFormatFlag },
  minArguments: 0,
  maxArguments: 0,
  async run(context, { values }) {
    const info = await (await context.engine()).system.info();
    if (values.format !== undefined && values.format !== "") {
      await context.stdout.write(formatOne(infoJson(info), values.format));
      return 0;
    }
    await context.stdout.write(infoText(info));
    await printWarnings(context.stderr, info.warnings);
    return 0;
  },
});

function infoText(info: SystemInfo): string {
  const { containers } = info;
  return [
    `Containers: ${containers.total}`,
    ` Running: ${containers.running}`,
    ` Paused: ${containers.paused}`,
    ` Stopped: ${containers.total - containers.running - containers.paused}`,
    `Images: ${info.images}`,
    `Layer Driver: ${info.layerDriver.name} (${info.layerDriver.reason})`,
    `Cgroup Driver: ${info.cgroupDriver}`,
    `Cgroup Version: ${info.cgroupVersion}`,
    `Cgroup Controllers: ${info.controllers.join(" ")}`,
    "Security Options:",
    ...info.securityOptions.map((option) => ` ${option}`),
    `Kernel Version: ${info.kernel}`,
    `Operating System: ${info.operatingSystem}`,
    `Architecture: ${info.architecture}`,
    `CPUs: ${info.cpus}`,
    `Total Memory: ${formatBinarySize(info.memoryBytes)}`,
    `Name: ${info.name}`,
    `ID: ${info.id}`,
    `Root Dir: ${info.root}`,
    `Run Dir: ${info.runRoot}`,
    "",
  ].join("\n");
}
