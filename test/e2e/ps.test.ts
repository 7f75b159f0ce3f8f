// `ps`: docker's columns, filters and formats.
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("ps", { payload: true });

const id: Record<string, string> = {};
const names = async (...args: readonly string[]) => {
  const text = await host.ok(["ps", "--format", "{{.Names}}", ...args]);
  return text === "" ? [] : text.split("\n");
};

beforeAll(async () => {
  id["created"] = await host.ok(["create", "--name", "created", "-l", "tier=front", "base", "echo", "a b", "c"]);
  await host.wherry(["run", "--name", "exited", "-l", "tier=back", "-l", "zone", "payload", "exit", "4"]);
  id["running"] = await host.ok(["run", "-d", "--name", "running", "-v", "/usr/share:/share", "--network", "host", "payload", "sleep"]);
  id["paused"] = await host.ok(["run", "-d", "--name", "paused", "base", "sleep", "1000"]);
  await host.ok(["pause", "paused"]);
  id["exited"] = await host.ok(["inspect", "--format", "{{.Id}}", "exited"]);
}, 60_000);
afterAll(async () => {
  await host.wherry(["rm", "-f", ...Object.values(id)]);
});

const short = (name: string) => (id[name] ?? "").slice(0, 12);

describe("ps", () => {
  test("shows the running and paused ones in docker's columns, newest first", async () => {
    const lines = (await host.ok(["ps"])).split("\n");
    expect(lines[0]).toMatch(/^CONTAINER ID {3}IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$/);
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(new RegExp(`^${short("paused")} {3}base +"sleep 1000" +\\S.* ago +Up .* \\(Paused\\) +paused$`));
    expect(lines[2]).toMatch(new RegExp(`^${short("running")} {3}payload +"/payload sleep" +\\S.* ago +Up \\S.* +running$`));
    // Every column begins where its heading does.
    for (const heading of ["IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]) {
      const at = lines[0]?.indexOf(heading) ?? 0;
      for (const line of lines) expect(line.slice(at - 1, at)).toBe(" ");
    }
  });
  test("-a shows all; -n the newest few; -l the newest", async () => {
    expect(await names("-a")).toEqual(["paused", "running", "exited", "created"]);
    expect(await names("-n", "2")).toEqual(["paused", "running"]);
    expect(await names("-n", "3")).toEqual(["paused", "running", "exited"]);
    expect(await names("-l")).toEqual(["paused"]);
    const text = await host.ok(["ps", "-a"]);
    expect(text).toMatch(/"echo 'a b' c" .* Created +created/);
    expect(text).toMatch(/"\/payload exit 4" .* Exited \(4\) .* ago +exited/);
  });
  test("-q shows ids only, whole ones with --no-trunc", async () => {
    expect(await host.ok(["ps", "-q"])).toBe(`${short("paused")}\n${short("running")}`);
    expect(await host.ok(["ps", "-q", "--no-trunc"])).toBe(`${id["paused"]}\n${id["running"]}`);
  });
  test("cuts long commands, not with --no-trunc", async () => {
    const long = await host.ok(["create", "--name", "long", "base", "echo", "x".repeat(40)]);
    expect(await host.ok(["ps", "-l", "--format", "{{.Command}}"])).toBe(`"echo ${"x".repeat(14)}…"`);
    expect(await host.ok(["ps", "-l", "--no-trunc", "--format", "{{.Command}}"])).toBe(`"echo ${"x".repeat(40)}"`);
    await host.ok(["rm", long]);
  });
  test("-s shows sizes", async () => {
    const id = await host.ok(["create", "--name", "sized", "base", "sh", "-c", "head -c 1000000 /dev/zero > /big"]);
    await host.ok(["start", "-a", id]);
    expect(await host.ok(["ps", "-l", "-s", "--format", "{{.Size}}"])).toMatch(/^1(\.\d+)?MB \(virtual \d+(\.\d+)?MB\)$/);
    await host.ok(["rm", id]);
  });
  test("takes no arguments", async () => {
    expect((await host.wherry(["ps", "x"])).code).not.toBe(0);
  });
});

describe("ps --filter", () => {
  test.each([
    ["name=^pau", ["paused"]],
    ["name=ed", ["paused", "exited", "created"]],
    ["status=exited", ["exited"]],
    ["status=created", ["created"]],
    ["status=running", ["running"]],
    ["status=paused", ["paused"]],
    ["exited=4", ["exited"]],
    ["exited=0", []],
    ["label=tier", ["exited", "created"]],
    ["label=tier=back", ["exited"]],
    ["label=zone", ["exited"]],
    ["ancestor=payload", ["running", "exited"]],
    ["before=running", ["exited", "created"]],
    ["since=exited", ["paused", "running"]],
    ["volume=/share", ["running"]],
    ["network=host", ["running"]],
    ["health=none", ["paused", "running", "exited", "created"]],
  ] as const)("%s", async (filter, expected) => {
    expect(await names("-a", "--filter", filter)).toEqual([...expected]);
  });
  test("values of one key are alternatives, keys and labels must all match", async () => {
    expect(await names("-a", "-f", "status=exited", "-f", "status=created")).toEqual(["exited", "created"]);
    expect(await names("-a", "-f", "status=exited", "-f", "label=tier=front")).toEqual([]);
    expect(await names("-a", "-f", "label=tier", "-f", "label=zone")).toEqual(["exited"]);
    expect(await names("-a", "-f", `id=${short("exited").slice(0, 6)}`)).toEqual(["exited"]);
  });
  test("a status filter looks at all containers, as docker's", async () => {
    expect(await names("--filter", "status=exited")).toEqual(["exited"]);
  });
  test("of an unknown key or value is refused", async () => {
    for (const filter of ["colour=red", "status=tired", "exited=x"]) {
      expect(await host.wherry(["ps", "--filter", filter])).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringMatching(/^wherry: .*filter.*\n$/),
      });
    }
  });
});

describe("ps --format", () => {
  test("a template for each line, table with headings, json", async () => {
    expect(await host.ok(["ps", "-a", "--format", '{{.ID}}|{{.State}}|{{.Label "tier"}}', "-f", "name=exited"])).toBe(
      `${short("exited")}|exited|back`,
    );
    expect(await host.ok(["ps", "--format", "table {{.Names}}\t{{.Image}}", "-f", "name=running"])).toMatch(
      /^NAMES +IMAGE\nrunning +payload$/,
    );
    const row = JSON.parse(await host.ok(["ps", "-a", "--format", "json", "-f", "name=created"])) as Record<string, unknown>;
    expect(row).toMatchObject({
      ID: short("created"),
      Names: "created",
      State: "created",
      Status: "Created",
      Image: "base",
      Labels: "tier=front",
      Command: "\"echo 'a b' c\"",
      Ports: "",
    });
    const again = JSON.parse(await host.ok(["ps", "-a", "--format", "{{json .}}", "-f", "name=created"])) as Record<string, unknown>;
    expect({ ...again, RunningFor: "" }).toEqual({ ...row, RunningFor: "" });
    expect(await host.ok(["ps", "-a", "--format", "{{json .Names}} {{upper .State}}", "-f", "name=created"])).toBe('"created" CREATED');
  });
  test("an unknown field or broken template is refused", async () => {
    for (const format of ["{{.Nope}}", "{{.Names", "{{nofunction .}}"]) {
      const result = await host.wherry(["ps", "--format", format]);
      expect(result).toMatchObject({ stdout: "" });
      expect([1, 64]).toContain(result.code ?? 0);
    }
  });
});
