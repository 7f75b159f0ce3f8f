import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { containerRow } from "../../../test/fakes/container-row.ts";
import type { ContainerDetails } from "../../containers/container-view.ts";
import type { ContainerId } from "../../core/brands.ts";
import { formatOne } from "../format/format-list.ts";
import { containerJson } from "./container-json.ts";

/** Property names of docker's API description, version 1.50, by definition. */
const fields: Record<string, string[]> = JSON.parse(readFileSync(new URL("testdata/api-1.50-fields.json", import.meta.url), "utf8"));

const id = "0123456789ab".padEnd(64, "c") as ContainerId;
const plain = containerRow({ id });
const full: ContainerDetails = containerRow({
  id,
  status: "paused",
  pid: 42,
  startedAt: new Date("2026-01-02T03:04:06.120Z"),
  labels: { app: "web" },
  mounts: [{ type: "bind", name: "", source: "/a", destination: "/b", driver: "", mode: "ro", readWrite: false, propagation: "rprivate" }],
  networkMode: "host",
  sizeRwBytes: 5,
  sizeRootFsBytes: 50,
  execIds: ["e1"],
  options: {
    image: "base:latest",
    tty: true,
    init: true,
    annotations: { k: "v" },
    mounts: [
      { type: "bind", source: "/a", target: "/b", createSource: true, readonly: true, propagation: "rslave" },
      { type: "bind", source: "/c", target: "/d", createSource: false, nonRecursive: true },
      { type: "tmpfs", target: "/t", tmpfsSizeBytes: 1024, tmpfsMode: 0o700, options: ["noexec"] },
    ],
    devices: [{ hostPath: "/dev/fuse", containerPath: "/dev/fuse", permissions: "rwm" }],
    ulimits: [{ name: "nofile", soft: 1, hard: 2 }],
    sysctls: { "net.core.somaxconn": "9" },
    resources: { memoryBytes: 1024, nanoCpus: 5, blkioDeviceReadBps: [{ path: "/dev/sda", rate: 7 }] },
  },
});

/** Keys that docker itself prints although its description leaves them out. */
const undescribed = new Set(["GwPriority"]);

function unknownKeys(object: object, definitions: readonly string[]): string[] {
  const known = new Set(definitions.flatMap((name) => fields[name] ?? []));
  return Object.keys(object).filter((key) => !known.has(key) && !undescribed.has(key));
}

describe.each([
  ["a container with defaults", plain],
  ["a container with everything", full],
])("containerJson() of %s uses only names of docker's API", (_, container) => {
  const json = containerJson(container);
  test.each([
    ["the container", json, ["ContainerInspectResponse"]],
    ["State", json.State, ["ContainerState"]],
    ["HostConfig", json.HostConfig, ["HostConfig", "Resources"]],
    ["Config", json.Config, ["ContainerConfig"]],
    ["GraphDriver", json.GraphDriver, ["DriverData"]],
    ["NetworkSettings", json.NetworkSettings, ["NetworkSettings"]],
    ["the network", Object.values(json.NetworkSettings.Networks)[0] ?? {}, ["EndpointSettings"]],
    ["the mount", json.Mounts[0] ?? {}, ["MountPoint"]],
  ] as const)("%s", (_name, object, definitions) => {
    expect(unknownKeys(object, definitions)).toEqual([]);
  });
});

describe("containerJson()", () => {
  test("has every name that clients read without asking whether it is there", () => {
    const json = containerJson(plain);
    // What docker leaves out too when there is nothing to say.
    const optional = { ContainerInspectResponse: ["ImageManifestDescriptor", "SizeRw", "SizeRootFs"], ContainerState: ["Health"] };
    expect(
      (fields["ContainerInspectResponse"] ?? []).filter((key) => !(key in json) && !optional.ContainerInspectResponse.includes(key)),
    ).toEqual([]);
    expect((fields["ContainerState"] ?? []).filter((key) => !(key in json.State) && !optional.ContainerState.includes(key))).toEqual([]);
  });

  test("writes times as docker does", () => {
    expect(containerJson(plain)).toMatchObject({
      Created: "2026-01-02T03:04:05Z",
      State: { StartedAt: "0001-01-01T00:00:00Z", FinishedAt: "0001-01-01T00:00:00Z" },
    });
    expect(containerJson(full).State.StartedAt).toBe("2026-01-02T03:04:06.12Z");
  });

  test("counts a paused container as running", () => {
    expect(containerJson(full).State).toMatchObject({ Status: "paused", Running: true, Paused: true, Pid: 42 });
  });

  test("puts mounts where docker has them", () => {
    expect(containerJson(full).HostConfig).toMatchObject({
      Binds: ["/a:/b:ro,rslave"],
      Mounts: [{ Type: "bind", Source: "/c", Target: "/d", BindOptions: { NonRecursive: true } }],
      Tmpfs: { "/t": "noexec,size=1024,mode=700" },
    });
    expect(containerJson(full).Mounts).toEqual([
      { Type: "bind", Source: "/a", Destination: "/b", Mode: "ro", RW: false, Propagation: "rprivate" },
    ]);
  });

  test.each([
    ["{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none"],
    ["{{.Config.StopSignal}}|{{.Config.StopTimeout}}|{{.Config.Healthcheck}}|{{.HostConfig.Init}}|{{.SizeRw}}", "|<nil>|<nil>|<nil>|<nil>"],
    [
      "{{len .HostConfig.CapAdd}}{{len .HostConfig.Mounts}}{{len .HostConfig.Tmpfs}}{{len .Config.ExposedPorts}}{{len .Config.Volumes}}",
      "00000",
    ],
    ['{{.HostConfig.CapAdd}} {{.Config.Volumes}} {{join .HostConfig.CapAdd ","}}', "[] map[] "],
    ["{{range .HostConfig.CapDrop}}x{{else}}none{{end}}", "none"],
    ["{{json .HostConfig.CapAdd}} {{json .Config.Volumes}}", "null null"],
  ])("a template finds the zero values that JSON has as null or leaves out: %s", (template, text) => {
    expect(formatOne(containerJson(plain), template)).toBe(`${text}\n`);
  });

  test("a template finds a bind's name, which is empty", () => {
    expect(formatOne(containerJson(full), "{{range .Mounts}}{{.Name}}{{.Driver}}|{{end}}")).toBe("|\n");
    expect(JSON.stringify(containerJson(full).Mounts)).not.toContain("Name");
  });

  test("says how to stop it only where somebody has", () => {
    expect(Object.keys(containerJson(plain).Config)).not.toContain("StopSignal");
    expect(Object.keys(containerJson(plain).Config)).not.toContain("StopTimeout");
    const asked = { ...plain, process: { ...plain.process, stopSignal: "SIGINT" }, options: { image: "x", stopTimeoutSeconds: 0 } };
    expect(containerJson(asked).Config).toMatchObject({ StopSignal: "SIGINT", StopTimeout: 0 });
  });

  test.each([
    [10 * 1024 ** 2, "10m"],
    [2 * 1024 ** 3, "2g"],
    [1536 * 1024 ** 2, "1536m"],
    [1000, "1000"],
  ])("writes a log's size of %d bytes as people do", (maxBytes, text) => {
    const { Config } = containerJson({ ...plain, options: { image: "x", log: { maxBytes } } }).HostConfig.LogConfig;
    expect(JSON.parse(JSON.stringify(Config))).toEqual({ "max-size": text });
  });

  test("masks no paths of a privileged container", () => {
    expect(containerJson(plain).HostConfig.MaskedPaths).toContain("/proc/kcore");
    expect(containerJson({ ...plain, options: { image: "x", privileged: true } }).HostConfig.MaskedPaths).toEqual([]);
  });
});
