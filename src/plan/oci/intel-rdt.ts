import { configInvalid, configUnsupported, type PlanContext } from "../plan-context.ts";
import type { PlanInput } from "../plan-input.ts";

const encoder = new TextEncoder();

/** The directories of resctrl that are the container's, and so are removed with it, innermost first. */
export function resctrlDirectories({
  config,
  resctrl = null,
  identity,
}: Pick<PlanInput, "config" | "resctrl" | "identity">): readonly string[] {
  const { intelRdt } = config.linux ?? {};

  if (intelRdt === undefined || resctrl === null || identity === undefined) return [];
  const group = `${resctrl}/${intelRdt.closID ?? identity.id}`;
  const monitoring = intelRdt.enableMonitoring === true ? [`${group}/mon_groups/${identity.id}`] : [];
  // A class that has a name of its own may be others', too.
  return intelRdt.closID === undefined ? [...monitoring, group] : monitoring;
}

/**
 * HOST: the class of service that the container belongs to, with its shares of cache and memory bandwidth. A class that is only named has to
 * be there already.
 * @throws {EngineError} CONFIG_UNSUPPORTED where resctrl is not mounted, CONFIG_INVALID
 * @see runtime-spec config-linux.md#intelrdt, Documentation/filesystems/resctrl.rst
 */
export function prepareIntelRdt(context: PlanContext): void {
  const { plan, linux, input } = context;
  const { intelRdt } = linux;
  if (intelRdt === undefined) return;
  const group = groupOf(context);
  const schemata = [...(intelRdt.schemata ?? []), intelRdt.l3CacheSchema, intelRdt.memBwSchema].filter(
    (line) => line !== undefined && line !== "",
  );
  if (intelRdt.closID === undefined || schemata.length > 0)
    plan.host("MKDIRP", [null, group, 0o755, 0, 0], {
      why: "the container's class of service",
      doing: `make the resctrl group \`${group}\``,
    });
  if (schemata.length > 0) {
    plan.host("WRITE", [null, `${group}/schemata`, encoder.encode(`${schemata.join("\n")}\n`)], {
      why: "its shares of cache and memory bandwidth",
      doing: `set the resctrl schemata \`${schemata.join("; ")}\``,
    });
  }
  if (intelRdt.enableMonitoring === true)
    plan.host("MKDIRP", [null, `${group}/mon_groups/${input.identity?.id ?? ""}`, 0o755, 0, 0], { why: "the container's counters" });
}

/** PARENT: the container's first process joins, and all that it starts. */
export function joinIntelRdt(context: PlanContext): void {
  const { plan, linux, input } = context;
  if (linux.intelRdt === undefined) return;
  const group = groupOf(context);
  plan.parent("WRITEPID", [null, `${group}/tasks`], { why: "its class of service", doing: `enter the resctrl group \`${group}\`` });
  if (linux.intelRdt.enableMonitoring === true)
    plan.parent("WRITEPID", [null, `${group}/mon_groups/${input.identity?.id ?? ""}/tasks`], { why: "its counters" });
}

function groupOf({ linux, input }: PlanContext): string {
  const { resctrl = null, identity } = input;

  if (resctrl === null) throw configUnsupported("`linux.intelRdt`, on a host where resctrl is not mounted,");
  const name = linux.intelRdt?.closID ?? identity?.id ?? "";
  if (!/^(?!\.{1,2}$)[^/\n]{1,255}$/.test(name)) throw configInvalid(`\`linux.intelRdt.closID\` \`${name}\` is no name of a directory`);
  return `${resctrl}/${name}`;
}
