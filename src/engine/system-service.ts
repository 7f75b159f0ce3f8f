import { readFileSync } from "node:fs";
import { arch, availableParallelism, hostname, release, totalmem } from "node:os";
import type { ContainerHost } from "../containers/container-host.ts";
import { publicStatus } from "../containers/container-summary.ts";
import type { ContainerStatus } from "../containers/container-view.ts";
import { reconcile } from "../containers/reconcile.ts";
import { buildInfo } from "../core/build-info.ts";
import type { HostPath } from "../core/brands.ts";
import type { DoctorReport } from "../kernel/doctor-report.ts";
import { readLauncherVersion } from "../kernel/launcher-version.ts";
import { listContainers } from "../state/container-table.ts";
import type { RegistryCredentials } from "../registry/credentials.ts";
import type { SystemInfo, SystemService, VersionInfo } from "./engine.ts";

/** `version`, `info` and `doctor` of this host. */
export class LocalSystemService implements SystemService {
  readonly #host: ContainerHost;

  constructor(host: ContainerHost) {
    this.#host = host;
  }

  async checkLogin(registry: string, credentials: RegistryCredentials): Promise<void> {
    const { checkLogin } = await import("../images/check-login.ts");
    await checkLogin(registry, credentials);
  }

  async version(): Promise<VersionInfo> {
    return {
      version: buildInfo.version,
      gitCommit: buildInfo.commit,
      os: "linux",
      architecture: goArchitecture(),
      kernel: release(),
      runtime: process.versions.bun === undefined ? `node ${process.version}` : `bun ${process.versions.bun}`,
      launcher: readLauncherVersion(this.#host.launcher),
    };
  }

  async info(): Promise<SystemInfo> {
    const host = this.#host;
    const counts: Record<ContainerStatus | "total", number> = { created: 0, running: 0, paused: 0, exited: 0, dead: 0, total: 0 };
    for (const { id } of listContainers(host.store)) {
      const row = await reconcile(host, id);
      if (row === undefined) continue;
      counts.total++;
      counts[publicStatus(row.status, row.starts)]++;
    }
    const { layout } = host.cgroups.ensureRoot();
    const images = host.store.prepare("SELECT count(*) AS n FROM images").get();
    return {
      id: host.instance,
      root: host.root,
      runRoot: host.runRoot,
      containers: counts,
      images: Number(images?.["n"] ?? 0),
      layerDriver: await host.layers.choice(),
      cgroupDriver: layout.systemd ? "systemd" : "cgroupfs",
      cgroupVersion: layout.mode === "v2" ? "2" : layout.mode === "v1" ? "1" : "1 and 2 (hybrid)",
      controllers: [...new Set(layout.hierarchies.flatMap((hierarchy) => hierarchy.controllers))].sort(),
      kernel: release(),
      operatingSystem: operatingSystem(),
      architecture: host.features.architecture,
      cpus: availableParallelism(),
      memoryBytes: totalmem(),
      name: hostname(),
      securityOptions: [...(host.features.apparmor ? ["name=apparmor"] : []), "name=seccomp,profile=builtin", "name=cgroupns"],
      warnings: [],
    };
  }

  async doctor(): Promise<DoctorReport> {
    const { doctor } = await import("../kernel/doctor.ts");
    return doctor({
      root: this.#host.root as HostPath,
      instance: this.#host.instance,
      layerDriver: await this.#host.layers.choice(),
    });
  }
}

function operatingSystem(): string {
  try {
    return /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  } catch {
    return "Linux";
  }
}

function goArchitecture(): string {
  return arch() === "x64" ? "amd64" : arch();
}
