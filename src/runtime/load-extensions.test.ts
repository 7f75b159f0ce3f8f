import { describe, expect, test } from "bun:test";
import type { HostPath } from "../core/brands.ts";
import { compilePlan } from "../plan/compile.ts";
import type { OciConfig } from "../plan/oci-config.ts";
import { ociExtensions } from "../plan/oci/oci-extensions.ts";
import { ociInput } from "../plan/oci/testdata/oci-input.ts";
import { loadExtensions } from "./load-extensions.ts";

const process = { cwd: "/", args: ["sh"] };
const bare: OciConfig = { ociVersion: "1.2.0", process, linux: { namespaces: [{ type: "mount" }] } };
const linux = (more: OciConfig["linux"]): OciConfig => ({ ...bare, linux: { ...bare.linux, ...more } });

const extended: readonly OciConfig[] = [
  { ...bare, hooks: { poststop: [{ path: "/x" }] } },
  { ...bare, process: { ...process, scheduler: { policy: "SCHED_BATCH" } } },
  { ...bare, process: { ...process, ioPriority: { class: "IOPRIO_CLASS_IDLE" } } },
  { ...bare, process: { ...process, execCPUAffinity: { initial: "0" } } },
  { ...bare, process: { ...process, selinuxLabel: "x" } },
  linux({ mountLabel: "x" }),
  linux({ memoryPolicy: { mode: "MPOL_LOCAL" } }),
  linux({ intelRdt: {} }),
  linux({ netDevices: { eth0: {} } }),
  linux({ seccomp: { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/x" } }),
];

describe("loadExtensions()", () => {
  test("loads nothing for a plain configuration", async () => {
    expect(await loadExtensions(bare)).toBeUndefined();
  });

  test("loads them for each of their fields, which the compiler refuses without them", async () => {
    const { extensions: _, ...input } = ociInput("container");
    for (const config of extended) {
      expect(await loadExtensions(config)).toBe(ociExtensions);
      const plain = { ...input, config, rootfs: { kind: "bundle" as const, path: "/r" as HostPath } };
      expect(() => compilePlan(plain)).toThrow("is not supported");
    }
  });
});
