// A pull that is killed at any point: the next one succeeds, and nothing is left of the first.
// timeout: 120 s
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test as bunTest } from "bun:test";
import type { FaultPoint } from "../../src/core/fault-point.ts";
import { archive } from "../contracts/layer-driver.ts";
import { digestOf, FakeRegistry } from "../fakes/fake-registry.ts";
import { FaultHost } from "../support/fault-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { readdirSync } from "node:fs";

const test = requires("root", "fault-build", "overlayfs");
const isThere = test === bunTest;
const upper = archive({ path: "upper", data: "upper ".repeat(100_000) });
const lower = archive({ path: "lower", data: "lower" });
let host: FaultHost;
let registry: FakeRegistry;
let name = "";

beforeAll(async () => {
  if (!isThere) return;
  host = new FaultHost("pull-faults");
  registry = await FakeRegistry.start();
  registry.addImage("box:1", [lower, upper]);
  name = `${registry.host}/box:1`;
  // The database and its directories.
  await host.ok(["images"]);
});

beforeEach(() => {
  if (isThere) registry.intercept = () => false;
});

afterAll(async () => {
  if (!isThere) return;
  await registry[Symbol.asyncDispose]();
  await host.dispose();
}, 60_000);

/** Whatever has happened: a pull succeeds, and the image's removal takes every byte with it. */
afterEach(async () => {
  if (!isThere) return;
  await host.ok(["pull", "-q", name]);
  expect(await host.ok(["images", "--format", "{{.Repository}}:{{.Tag}}", name])).toBe(name);
  const ids = new Set((await host.ok(["images", "-aq", "--no-trunc"])).split("\n"));
  await host.ok(["rmi", "-f", ...ids]);
  const left = ["content/sha256", "content/ingest", "layers"].flatMap((directory) => files(`${host.root}/${directory}`));
  expect(left.filter((path) => !path.includes("/mount-points"))).toEqual([]);
  for (const table of ["images", "image_blobs", "layers", "layer_leases", "blob_leases", "layer_claims", "layer_blobs"]) {
    const row = host.host.store.prepare(`SELECT count(*) AS n FROM ${table}`).get();
    expect({ table, rows: row?.["n"] }).toEqual({ table, rows: 0 });
  }
});

function files(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => `${entry.parentPath}/${entry.name}`);
  } catch {
    return [];
  }
}

const points = [
  "image-received",
  "image-layer-added",
  "image-blob-stored",
  "pull-layers-stored",
  "image-blobs-published",
  "image-recorded",
] as const satisfies readonly FaultPoint[];

describe("killed at", () => {
  test.each(points)("%s", async (point) => {
    const { signal, stderr } = await host.wherry(["pull", "-q", name], { env: { WHERRY_FAULT_POINT: point } });
    expect({ signal, stderr }).toEqual({ signal: "SIGKILL", stderr: "" });
  });

  test("half of a layer", async () => {
    const sent = stopHalfway();
    const program = host.start(["pull", "-q", name]);
    await poll("half of it is there", () => sent.half);
    program.child.kill("SIGKILL");
    expect((await program.done).signal).toBe("SIGKILL");
    registry.intercept = () => false;
  });
});

describe("ended in the middle by", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s: cancelled, and nothing is left at once", async (signal) => {
    const sent = stopHalfway();
    const program = host.start(["pull", name]);
    await poll("half of it is there", () => sent.half);
    program.child.kill(signal);
    expect(await program.done).toMatchObject({ code: 1, stderr: "wherry: pull cancelled\n" });
    expect(files(`${host.root}/content/ingest`)).toEqual([]);
    expect(await host.ok(["images", "-aq"])).toBe("");
    registry.intercept = () => false;
  });
});

test("another pull that waits for the first one's layer goes on when that dies", async () => {
  const sent = stopHalfway();
  const first = host.start(["pull", "-q", name]);
  await poll("half of it is there", () => sent.half);
  const second = host.start(["pull", "-q", name]);
  await poll("the second has seen the manifest", () => registry.requests.filter(({ path }) => path.includes("/manifests/")).length > 1);
  registry.intercept = () => false;
  first.child.kill("SIGKILL");
  expect((await first.done).signal).toBe("SIGKILL");
  expect(await second.done).toMatchObject({ code: 0, stdout: `${name}\n` });
});

/** The registry stops in the middle of the upper layer. */
function stopHalfway(): { readonly half: boolean } {
  const sent = { half: false };
  registry.requests.length = 0;
  registry.intercept = (request, response) => {
    if (request.url !== `/v2/box/blobs/${digestOf(upper)}`) return false;
    response.writeHead(200, { "content-length": upper.length });
    response.write(upper.subarray(0, upper.length / 2), () => (sent.half = true));
    return true;
  };
  return sent;
}
