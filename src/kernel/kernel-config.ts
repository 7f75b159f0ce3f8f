import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { gunzipSync } from "node:zlib";

/** How a feature is in the running kernel. `absent` is certain, `unknown` is not. */
export type KernelFeature = "built in" | "module" | "loaded" | "absent" | "unknown";

/**
 * What the running kernel was built with, as far as the host tells: its configuration (/proc/config.gz, /boot, /lib/modules), else the lists
 * of its modules.
 */
export class KernelConfig {
  readonly #config: string | null;
  readonly #modules: string;

  constructor(running: string = release()) {
    const boot = [`/boot/config-${running}`, `/lib/modules/${running}/config`].find((path) => existsSync(path));
    this.#config = existsSync("/proc/config.gz")
      ? gunzipSync(readFileSync("/proc/config.gz")).toString()
      : boot === undefined
        ? null
        : readFileSync(boot, "utf8");
    const lists = [`/lib/modules/${running}/modules.builtin`, `/lib/modules/${running}/modules.dep`].filter((path) => existsSync(path));
    this.#modules = lists.map((path) => readFileSync(path, "utf8")).join("\n");
  }

  /** @param option without `CONFIG_`; @param module its name where it is built as one. */
  feature(option: string, module?: string): KernelFeature {
    if (module !== undefined && existsSync(`/sys/module/${module}`)) return "loaded";
    if (this.#config !== null) {
      const value = new RegExp(`^CONFIG_${option}=(y|m)$`, "m").exec(this.#config)?.[1];
      return value === "y" ? "built in" : value === "m" ? "module" : "absent";
    }
    if (module !== undefined && this.#modules !== "") return new RegExp(`/${module}\\.ko`).test(this.#modules) ? "module" : "absent";
    return "unknown";
  }
}
