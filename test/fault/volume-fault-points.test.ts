// A command that deals with volumes dies at each of their fault points; the next ones find the volumes whole or gone, and nothing else.
// timeout: 120 s
import { afterEach, describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { type FaultPoint, faultPoints } from "../../src/core/fault-point.ts";
import { useFaultHost } from "../support/fault-host.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "fault-build", "overlayfs", "payload");
const host = useFaultHost("volume-fault-points");

const image = "with-volume";
const data = (name: string): string => `${host.root}/volumes/${name}/_data`;
const left = (): readonly string[] => (existsSync(`${host.root}/volumes`) ? readdirSync(`${host.root}/volumes`) : []);
const names = async (): Promise<string[]> => (await host.ok(["volume", "ls", "-q"])).split("\n").filter((name) => name !== "");

afterEach(async () => {
  await host.wherry(["rm", "-f", "-v", "box", "maker"]);
  await host.wherry(["rmi", image]);
  await host.wherry(["volume", "prune", "-af"]);
  expect(left()).toEqual([]);
});

async function diesAt(point: FaultPoint, args: readonly string[]): Promise<void> {
  const { signal, stderr } = await host.wherry(args, { env: { WHERRY_FAULT_POINT: point } });
  expect({ signal, stderr }).toEqual({ signal: "SIGKILL", stderr: "" });
}

/** An image with a VOLUME where the payload has its account files. */
async function makeImage(): Promise<void> {
  await host.ok(["run", "--name", "maker", "payload", "try", "create", "/data-file"]);
  await host.ok(["commit", "--change", "VOLUME /etc", "maker", image]);
  await host.ok(["rm", "maker"]);
}

/** All that the image has in the volume's place, and nothing of how it came there. */
function expectFilled(name: string): void {
  expect(readdirSync(data(name))).toContain("passwd");
  expect(readFileSync(`${data(name)}/passwd`, "utf8")).toContain("root:");
  expect(readdirSync(`${host.root}/volumes/${name}`)).toEqual(["_data"]);
  expect(statSync(data(name)).mode & 0o7777).toBe(0o755);
}

describe("create", () => {
  test.each(["volume-row-stored", "volume-directory-made"] as const)("of a volume dies at %s: it is there", async (point) => {
    await diesAt(point, ["volume", "create", "v1"]);
    expect(await names()).toEqual(["v1"]);
    expect(await host.ok(["volume", "create", "v1"])).toBe("v1");
    expect(await host.ok(["volume", "inspect", "-f", "{{.Mountpoint}}", "v1"])).toBe(data("v1"));
    expect(existsSync(data("v1"))).toBe(true);
  });

  test("of a container dies when its volumes' directories are made: both are there", async () => {
    await makeImage();
    await diesAt("volume-directories-made", ["create", "--name", "box", "-v", "v1:/etc", image, "exit"]);
    await host.ok(["start", "-a", "box"]);
    expectFilled("v1");
  });
});

const fillPoints = ["volume-fill-claimed", "volume-content-copied", "volume-content-whole", "volume-content-moved"] as const;

describe("filling", () => {
  test.each(fillPoints)("dies at %s: the next start completes it", async (point) => {
    await makeImage();
    await diesAt(point, ["create", "--name", "box", "-v", "v1:/etc", image, "exit"]);
    await host.ok(["start", "-a", "box"]);
    expectFilled("v1");
  });

  test.each(fillPoints)("dies at %s: another container finds it whole or empty", async (point) => {
    await makeImage();
    await diesAt(point, ["run", "--name", "box", "-v", "v1:/etc", image, "exit"]);
    await host.ok(["run", "--rm", "-v", "v1:/elsewhere", "payload", "exit"]);
    const whole = point === "volume-content-whole" || point === "volume-content-moved";
    if (whole) expectFilled("v1");
    else expect(readdirSync(data("v1"))).toEqual([]);
    await host.ok(["run", "--rm", "-v", "v1:/etc", image, "exit"]);
    expectFilled("v1");
  });

  test.each(fillPoints)("dies at %s: what nobody has any more can be removed", async (point) => {
    await makeImage();
    await diesAt(point, ["run", "--name", "box", "-v", "v1:/etc", image, "exit"]);
    await host.ok(["rm", "-f", "box"]);
    expect(await host.ok(["volume", "rm", "v1"])).toBe("v1");
    expect(left()).toEqual([]);
  });
});

const removalPoints = ["volume-removal-claimed", "volume-files-removed", "volume-row-deleted"] as const;

describe("removal", () => {
  test.each(removalPoints)("rm dies at %s: it is gone, and can be made anew", async (point) => {
    await host.ok(["run", "--rm", "-v", "v1:/d", "payload", "try", "create", "/d/file"]);
    await diesAt(point, ["volume", "rm", "v1"]);
    expect(await names()).toEqual([]);
    expect(left()).toEqual([]);
    await host.ok(["volume", "create", "v1"]);
    expect(readdirSync(data("v1"))).toEqual([]);
  });

  test.each(removalPoints)("of a container's anonymous volume dies at %s: both are gone", async (point) => {
    await diesAt(point, ["run", "--rm", "-v", "/d", "payload", "try", "create", "/d/file"]);
    expect(await host.ok(["ps", "-aq"])).toBe("");
    expect(await names()).toEqual([]);
    expect(left()).toEqual([]);
  });

  test.each(removalPoints)("rm -v dies at %s: both are gone", async (point) => {
    await host.ok(["run", "--name", "box", "-v", "/d", "payload", "try", "create", "/d/file"]);
    await diesAt(point, ["rm", "-v", "box"]);
    expect(await host.ok(["ps", "-aq"])).toBe("");
    expect(await names()).toEqual([]);
    expect(left()).toEqual([]);
  });

  test.each(removalPoints)("dies at %s and the next is a container that wants the name", async (point) => {
    await host.ok(["run", "--rm", "-v", "v1:/d", "payload", "try", "create", "/d/old"]);
    await diesAt(point, ["volume", "rm", "v1"]);
    await host.ok(["run", "--rm", "-v", "v1:/d", "payload", "try", "create", "/d/new"]);
    expect(readdirSync(data("v1"))).toEqual(["new"]);
  });

  test("rm -v dies when its claim is recorded: whoever comes next remembers what was to go", async () => {
    await host.ok(["run", "--name", "box", "-v", "/d", "payload", "exit"]);
    await diesAt("removal-claimed", ["rm", "-v", "box"]);
    expect(await host.ok(["ps", "-aq"])).toBe("");
    expect(await names()).toEqual([]);
  });
});

test("every fault point of volumes has a scenario", () => {
  const covered: readonly string[] = [
    "volume-row-stored",
    "volume-directory-made",
    "volume-directories-made",
    ...fillPoints,
    ...removalPoints,
  ];
  expect([...covered].sort()).toEqual(faultPoints.filter((point) => point.startsWith("volume-")).sort());
});
