import { existsSync, readdirSync } from "node:fs";
import { type CgroupHierarchy, type CgroupLayout, cgroupDirectory, hierarchyOf } from "../core/cgroup-layout.ts";
import { EngineError } from "../core/engine-error.ts";
import { detectCgroupLayout } from "./cgroup-layout.ts";
import { cgroupRootPath } from "./cgroup-root.ts";
import { limited, missing, ok, readSmall } from "./doctor-item.ts";
import type { DoctorItem, DoctorSection } from "./doctor-report.ts";

/** v1's name, v2's name, and what is lost without it. */
const CONTROLLERS: readonly (readonly [v1: string | null, v2: string | null, without: string])[] = [
  ["memory", "memory", "`--memory`, `--memory-swap` and `--memory-reservation` are refused, memory is not counted"],
  ["cpu", "cpu", "`--cpus`, `--cpu-quota` and `--cpu-shares` are refused"],
  ["cpuset", "cpuset", "`--cpuset-cpus` and `--cpuset-mems` are refused"],
  ["pids", "pids", "`--pids-limit` is refused: a fork bomb reaches the host"],
  ["blkio", "io", "`--blkio-weight` and `--device-read-bps` and its like are refused"],
  ["hugetlb", "hugetlb", "limits on huge pages are refused"],
  ["rdma", "rdma", "limits on RDMA resources are refused"],
  [null, "misc", "limits on miscellaneous resources (`unified`) are refused"],
  ["perf_event", null, "perf can't be told to watch one container"],
  ["net_cls", null, "packets can't be tagged by container"],
  ["net_prio", null, "packets can't be given priorities by container"],
];

/** Seldom asked for: their absence is not worth a warning. */
const RARE = new Set(["hugetlb", "rdma", "misc", "perf_event", "net_cls", "net_prio"]);

/** Which controllers there are, in which version and where, and whether Wherry may use them. */
export function examineCgroups(instance: string | null): DoctorSection {
  const title = "Control groups";
  let layout: CgroupLayout;
  try {
    layout = detectCgroupLayout();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { title, items: [missing("cgroup file system", "not mounted", error.message)] };
  }
  const mode = { v1: "version 1", v2: "version 2", hybrid: "version 1 beside an (almost) empty version 2" }[layout.mode];
  const items = [
    ok("cgroup file system", mode),
    ...CONTROLLERS.flatMap((entry) => examineController(layout, entry)),
    devices(layout),
    freezer(layout),
    swap(layout),
  ];
  return { title, items: [...items, ...weights(layout), delegation(layout, instance)] };
}

function examineController(layout: CgroupLayout, [v1, v2, without]: (typeof CONTROLLERS)[number]): readonly DoctorItem[] {
  const name = v2 ?? v1 ?? "";
  const found = (v1 === null ? undefined : hierarchyOf(layout, v1)) ?? (v2 === null ? undefined : hierarchyOf(layout, v2));
  if (found !== undefined) {
    if (isUnusable(layout, found, name)) {
      return [
        limited(
          name,
          `v2 at ${found.mountPoint}, not passed on`,
          `${without}; on a hybrid host mount it as v1, or add it to ${found.mountPoint}/cgroup.subtree_control`,
        ),
      ];
    }
    if (layout.systemd && found.version === 2 && !systemdPassesOn(found).includes(name)) {
      return [
        limited(
          name,
          `v2 at ${found.mountPoint}, not passed on by systemd`,
          `${without}; systemd enables only the controllers that it knows`,
        ),
      ];
    }
    return [ok(name, `v${found.version} at ${found.mountPoint}`)];
  }
  // v1 only, and not missed on a v2 host.
  if (v2 === null && layout.mode === "v2") return [];
  const kernel = kernelController(v1 ?? name);
  const remedy =
    kernel === "off"
      ? "it is disabled on the kernel's command line (cgroup_disable=)"
      : kernel === "on"
        ? mountRemedy(layout, v1 ?? name)
        : "this kernel does not have it";
  const make = RARE.has(name) ? limited : missing;
  return [make(name, "no hierarchy has it", `${without}: ${remedy}`)];
}

/** What units can get: the top's and their slice's share. */
function systemdPassesOn(hierarchy: CgroupHierarchy): readonly string[] {
  const controllers = readSmall(`${hierarchy.mountPoint}/system.slice/cgroup.controllers`)?.split(" ") ?? [];
  // Enabled for a slice only once a unit in it asks.
  return [...controllers, "cpu", "cpuset", "io", "memory", "pids"];
}

/** On a hybrid host Wherry does not enable controllers at v2's top: they could not be mounted as v1 any more. */
function isUnusable(layout: CgroupLayout, found: CgroupHierarchy, name: string): boolean {
  return (
    layout.mode === "hybrid" &&
    found.version === 2 &&
    !(readSmall(`${found.mountPoint}/cgroup.subtree_control`) ?? "").split(" ").includes(name)
  );
}

function mountRemedy(layout: CgroupLayout, controller: string): string {
  if (layout.mode === "v2") return "the kernel has it, but it is not passed on to this part of the tree";
  return `mount it: \`mkdir -p /sys/fs/cgroup/${controller} && mount -t cgroup -o ${controller} cgroup /sys/fs/cgroup/${controller}\``;
}

/** Last column of /proc/cgroups. */
function kernelController(name: string): "on" | "off" | "absent" {
  const line = (readSmall("/proc/cgroups") ?? "").split("\n").find((row) => row.startsWith(`${name}\t`));
  return line === undefined ? "absent" : line.endsWith("\t1") ? "on" : "off";
}

function devices(layout: CgroupLayout): DoctorItem {
  const v1 = hierarchyOf(layout, "devices");
  if (v1 !== undefined) return ok("devices", `v1 at ${v1.mountPoint}`);
  if (layout.mode !== "v1") return ok("devices", "v2, by an eBPF program");
  return missing(
    "devices",
    "no hierarchy has it",
    `containers may open every device node they can make: ${mountRemedy(layout, "devices")}`,
  );
}

function freezer(layout: CgroupLayout): DoctorItem {
  if (layout.mode !== "v1") return ok("freezing and killing", "v2: cgroup.freeze, cgroup.kill");
  const v1 = hierarchyOf(layout, "freezer");
  if (v1 !== undefined) return ok("freezing and killing", `v1 at ${v1.mountPoint}`);
  return missing("freezing and killing", "neither v2 nor v1's freezer", `\`pause\` is refused: ${mountRemedy(layout, "freezer")}`);
}

/** A file of some group that is not the top one: the top one lacks most. */
function sampleHas(hierarchy: CgroupHierarchy, file: string): boolean {
  if (existsSync(`${hierarchy.mountPoint}/${file}`)) return true;
  const groups = readdirSync(hierarchy.mountPoint, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return groups.some(({ name }) => existsSync(`${hierarchy.mountPoint}/${name}/${file}`));
}

function swap(layout: CgroupLayout): DoctorItem {
  const memory = hierarchyOf(layout, "memory");
  if (memory === undefined) return missing("swap accounting", "no memory controller", "`--memory-swap` is refused");
  const file = memory.version === 1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max";
  if (sampleHas(memory, file)) return ok("swap accounting", file);
  if (memory.version === 2 && readdirSync(memory.mountPoint, { withFileTypes: true }).every((entry) => !entry.isDirectory())) {
    return ok("swap accounting", "not known before the first group is made");
  }
  return limited("swap accounting", `no ${file}`, "`--memory-swap` is refused, memory limits don't bound swap; boot with `swapaccount=1`");
}

function weights(layout: CgroupLayout): readonly DoctorItem[] {
  const hierarchy = hierarchyOf(layout, "blkio") ?? hierarchyOf(layout, "io");
  if (hierarchy === undefined) return [];
  const files =
    hierarchy.version === 1
      ? ["blkio.weight", "blkio.bfq.weight", "blkio.bfq.io_service_bytes"]
      : ["io.weight", "io.bfq.weight", "io.cost.model"];
  const found = files.find((file) => sampleHas(hierarchy, file));
  if (found === undefined)
    return [
      limited(
        "block device weights",
        "neither BFQ nor io.cost",
        "`--blkio-weight` is refused; use a kernel with CONFIG_BFQ_GROUP_IOSCHED or CONFIG_BLK_CGROUP_IOCOST",
      ),
    ];
  const schedulers = blockSchedulers();
  if (hierarchy.version === 1 && !schedulers.includes("bfq")) {
    return [
      limited(
        "block device weights",
        `no disk uses the BFQ scheduler (${schedulers.join(", ") || "none"})`,
        "`--blkio-weight` is set but has no effect; `echo bfq > /sys/block/DISK/queue/scheduler`",
      ),
    ];
  }
  return [ok("block device weights", found)];
}

/** The schedulers in use, of all disks. */
function blockSchedulers(): readonly string[] {
  const disks = existsSync("/sys/block") ? readdirSync("/sys/block") : [];
  const used = disks.map((disk) => /\[(\w[\w-]*)\]/.exec(readSmall(`/sys/block/${disk}/queue/scheduler`) ?? "")?.[1] ?? "");
  return [...new Set(used.filter(Boolean))];
}

function delegation(layout: CgroupLayout, instance: string | null): DoctorItem {
  if (!layout.systemd)
    return ok(
      "owner of the tree",
      `no systemd: Wherry's groups are at the top${instance === null ? "" : ` (${cgroupRootPath(layout, instance)})`}`,
    );
  const path = instance === null ? null : cgroupRootPath(layout, instance);
  const v2 = layout.hierarchies.find(({ version }) => version === 2);
  const exists = path !== null && v2 !== undefined && existsSync(cgroupDirectory(v2, path));
  const state = exists ? readSmall(`${cgroupDirectory(v2, path)}/cgroup.controllers`) : "is started with the first container";
  return ok(
    "owner of the tree",
    `systemd; Wherry's groups are in the delegated unit ${path?.split("/").at(-1) ?? "wherry-….service"} (${state ?? "?"})`,
  );
}
