// `inspect` in docker's shape, of live containers, against docker's own schema where that is at hand.
import { describe, expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { repository } from "../support/host-features.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("inspect", { payload: true });
const specification = `${repository}/../shared/specs/docker-engine-api/v1.50.yaml`;

interface Schema {
  readonly type?: string;
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly "x-nullable"?: boolean;
}

/** What docker answers though its own schema does not say so: Go's nil maps, slices and pointers are null. */
const isNullAllowed = (schema: Schema) =>
  schema.type === "array" || schema.type === "object" || schema["x-nullable"] === true || schema.properties !== undefined;

function violations(value: unknown, given: Schema, definitions: Readonly<Record<string, Schema>>, path: string): string[] {
  const schema = given.$ref === undefined ? given : { ...given, ...definitions[given.$ref.replace("#/definitions/", "")] };
  const parts = [
    schema,
    ...(schema.allOf ?? []).map((part) => (part.$ref === undefined ? part : (definitions[part.$ref.replace("#/definitions/", "")] ?? {}))),
  ];
  const type = parts.map((part) => part.type).find((name) => name !== undefined);
  if (value === null) return parts.some(isNullAllowed) || given["x-nullable"] === true ? [] : [`${path} is null`];
  if (type === "array") {
    if (!Array.isArray(value)) return [`${path} is no array`];
    return value.flatMap((item, index) => violations(item, schema.items ?? {}, definitions, `${path}[${index}]`));
  }
  if (type === "object" || parts.some((part) => part.properties !== undefined)) {
    if (typeof value !== "object" || Array.isArray(value)) return [`${path} is no object`];
    const known: Readonly<Record<string, Schema>> = Object.assign({}, ...parts.map((part) => part.properties ?? {}));
    const others = parts.map((part) => part.additionalProperties).find((more) => typeof more === "object");
    const hasKeys = Object.keys(known).length > 0;
    return Object.entries(value).flatMap(([key, item]) => {
      const property = known[key] ?? (typeof others === "object" ? others : undefined);
      if (property === undefined) return hasKeys ? [`${path}.${key} is not in the schema`] : [];
      return violations(item, property, definitions, `${path}.${key}`);
    });
  }
  const allowed = parts.flatMap((part) => part.enum ?? []);
  if (allowed.length > 0 && !allowed.includes(value)) return [`${path} is ${JSON.stringify(value)}, none of ${allowed.join(" ")}`];
  if (type === "integer") return Number.isInteger(value) ? [] : [`${path} is no integer: ${JSON.stringify(value)}`];
  if (type === undefined) return [];
  return typeof value === type ? [] : [`${path} is no ${type}: ${JSON.stringify(value)}`];
}

const inspect = async (reference: string) => {
  const [object] = JSON.parse(await host.ok(["inspect", reference])) as [Record<string, unknown>];
  return object;
};

/** As docker answers, whatever its schema says. */
const known = /^\.HostConfig\.(MemorySwappiness|OomKillDisable) is null$/;

test("answers in docker's schema, created, running and exited", async () => {
  if (!existsSync(specification)) return;
  const { definitions } = Bun.YAML.parse(readFileSync(specification, "utf8")) as { definitions: Readonly<Record<string, Schema>> };
  const check = (object: unknown) =>
    violations(object, { $ref: "#/definitions/ContainerInspectResponse" }, definitions, "").filter((line) => !known.test(line));
  const options = [
    "-v",
    "/usr/share:/s:ro",
    "--mount",
    "type=bind,src=/usr,dst=/u",
    "--tmpfs",
    "/t:size=1m",
    "-m",
    "64m",
    "--cpus",
    "0.5",
    "--pids-limit",
    "50",
    "--ulimit",
    "nofile=10:20",
    "--device",
    "/dev/null",
    "-l",
    "a=b",
    "--sysctl",
    "net.core.somaxconn=99",
    "--cap-add",
    "NET_ADMIN",
    "--security-opt",
    "no-new-privileges",
    "--add-host",
    "x:1.2.3.4",
    "--dns",
    "9.9.9.9",
  ];
  await host.ok(["create", "--name", "all", ...options, "payload", "sleep"]);
  expect(check(await inspect("all"))).toEqual([]);
  await host.ok(["start", "all"]);
  expect(check(await inspect("all"))).toEqual([]);
  await host.ok(["stop", "-t", "0", "all"]);
  expect(check(await inspect("all"))).toEqual([]);
  await host.ok(["rm", "all"]);
});

describe("inspect", () => {
  test("tells what was asked for and what is", async () => {
    const id = await host.ok([
      "run",
      "-d",
      "--name",
      "full",
      "-e",
      "A=1",
      "-w",
      "/tmp",
      "-u",
      "1000:1000",
      "-h",
      "box",
      "-m",
      "64m",
      "--network",
      "none",
      "-v",
      "/usr/share:/s:ro",
      "--init",
      "payload",
      "sleep",
    ]);
    const object = await inspect("full");
    expect(object).toMatchObject({
      Id: id,
      Name: "/full",
      Path: "/payload",
      Args: ["sleep"],
      Driver: expect.any(String),
      Platform: "linux",
      RestartCount: 0,
      State: {
        Status: "running",
        Running: true,
        Paused: false,
        OOMKilled: false,
        ExitCode: 0,
        Error: "",
        FinishedAt: "0001-01-01T00:00:00Z",
      },
      Config: {
        Hostname: "box",
        User: "1000:1000",
        WorkingDir: "/tmp",
        Entrypoint: ["/payload"],
        Cmd: ["sleep"],
        Image: "payload",
        Tty: false,
        OpenStdin: false,
      },
      HostConfig: { NetworkMode: "none", Memory: 64 * 1024 * 1024, AutoRemove: false, Init: true, Binds: ["/usr/share:/s:ro"] },
      Mounts: [{ Type: "bind", Source: "/usr/share", Destination: "/s", Mode: "ro", RW: false, Propagation: "rprivate" }],
    });
    expect((object["Config"] as { Env: string[] }).Env).toContain("A=1");
    const pid = (object["State"] as { Pid: number }).Pid;
    expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toContain(id);
    for (const path of ["HostnamePath", "HostsPath", "ResolvConfPath"]) expect(existsSync(String(object[path]))).toBe(true);
    await host.ok(["rm", "-f", "full"]);
  });
  test("names capabilities in full, and no way to stop that nobody named", async () => {
    await host.ok(["create", "--name", "named", "--cap-add", "net_admin", "--cap-drop", "all", "base"]);
    const { HostConfig, Config } = await inspect("named");
    expect(HostConfig).toMatchObject({ CapAdd: ["CAP_NET_ADMIN"], CapDrop: ["ALL"] });
    expect(Object.keys(Config as object).filter((key) => key.startsWith("Stop"))).toEqual([]);
    await host.ok(["rm", "named"]);
  });
  test("takes names, ids, parts of them, several, images too; tells what is missing after what was found", async () => {
    const id = await host.ok(["create", "--name", "some", "base"]);
    for (const reference of ["some", id, id.slice(0, 5)]) expect(await host.ok(["inspect", "-f", "{{.Name}}", reference])).toBe("/some");
    const result = await host.wherry(["inspect", "some", "missing", "base"]);
    expect(result).toMatchObject({ code: 1, stderr: "wherry: No such object: missing\n" });
    expect((JSON.parse(result.stdout) as readonly { Id: string }[]).map((object) => object.Id)).toEqual([
      id,
      expect.stringMatching(/^sha256:/),
    ]);
    expect(await host.wherry(["inspect", "--type", "image", "some"])).toMatchObject({ code: 1, stdout: "[]\n" });
    expect((await host.wherry(["inspect", "-f", "{{.Nope}}", "some"])).code).not.toBe(0);
    await host.ok(["rm", "some"]);
  });
  test("-s adds sizes", async () => {
    await host.ok(["run", "--name", "sized", "base", "sh", "-c", "head -c 100000 /dev/zero > /f"]);
    const [own, all] = (await host.ok(["inspect", "-s", "-f", "{{.SizeRw}} {{.SizeRootFs}}", "sized"])).split(" ").map(Number);
    expect(own).toBeGreaterThanOrEqual(100_000);
    expect(own).toBeLessThan(200_000);
    expect(all).toBeGreaterThan(own ?? 0);
    await host.ok(["rm", "sized"]);
  });
  test("tells that memory ran out", async () => {
    const result = await host.wherry(["run", "--name", "oom", "-m", "16m", "--memory-swap", "16m", "payload", "eat", "64"]);
    expect(result.code).toBe(137);
    expect(await host.ok(["inspect", "-f", "{{.State.OOMKilled}} {{.State.ExitCode}}", "oom"])).toBe("true 137");
    await host.ok(["rm", "oom"]);
  });
});
