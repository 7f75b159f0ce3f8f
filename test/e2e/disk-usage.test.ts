// `system df` tells what is on the disk, and pruning frees what it says.
import { describe, expect } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("disk-usage");

/** By another program than ours, each file once. */
const du = (...names: readonly string[]): number => {
  const paths = names.map((name) => `${host.root}/${name}`).filter((path) => existsSync(path));
  if (paths.length === 0) return 0;
  const lines = execFileSync("du", ["-scx", "--block-size=1", ...paths], { encoding: "utf8" })
    .trim()
    .split("\n");
  return Number(lines.at(-1)?.split("\t")[0]);
};

async function usage(): Promise<
  Record<string, { readonly total: number; readonly active: number; readonly bytes: number; readonly reclaimable: number }>
> {
  const lines = (await host.ok(["system", "df", "--format", "{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}|{{.Reclaimable}}"])).split(
    "\n",
  );
  return Object.fromEntries(
    lines.map((line) => {
      const [type = "", total, active, size = "", reclaimable = ""] = line.split("|");
      return [
        type,
        { total: Number(total), active: Number(active), bytes: parse(size), reclaimable: parse(reclaimable.split(" ")[0] ?? "") },
      ];
    }),
  );
}

function parse(text: string): number {
  const [, amount, unit = "B"] = /^([\d.]+)(B|kB|MB|GB)$/.exec(text) ?? [];
  return Number(amount) * { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit as "B" | "kB" | "MB" | "GB"];
}

/** As three digits show it; directories that only hold the others count on one side. */
const expectNear = (bytes: number, wanted: number): void => {
  expect(Math.abs(bytes - wanted)).toBeLessThanOrEqual(wanted * 0.01 + 20_000);
};

describe("disk usage", () => {
  test("is what du finds, and pruning frees what is reclaimable", async () => {
    await host.ok(["run", "--name", "writer", "base", "sh", "-c", "head -c 3000000 /dev/urandom >/big; ln /big /again"]);
    await host.ok(["commit", "writer", "big:1"]);
    const before = await usage();
    expectNear(before["Images"]?.bytes ?? 0, du("layers", "content"));
    expectNear(before["Containers"]?.bytes ?? 0, du("containers"));
    expect(before["Images"]).toMatchObject({ total: 2, active: 1 });
    expect(before["Containers"]).toMatchObject({ total: 1, active: 0 });
    // The container is made of `base`; nobody has `big`.
    expect(before["Images"]?.reclaimable).toBeGreaterThan(3_000_000);
    const stored = du("layers", "content");

    expect(await host.ok(["image", "prune", "-f"])).toBe("Total reclaimed space: 0B");
    expect(await host.ok(["image", "ls", "-q"])).not.toBe("");
    const output = await host.ok(["image", "prune", "-a", "-f"]);
    expect(output).toContain("untagged: big:1\ndeleted: sha256:");
    const reclaimed = parse(output.split("Total reclaimed space: ")[1] ?? "");
    expectNear(reclaimed, stored - du("layers", "content"));
    expectNear(reclaimed, before["Images"]?.reclaimable ?? 0);
    expect((await usage())["Images"]).toMatchObject({ total: 1, active: 1, reclaimable: 0 });
    await host.ok(["rm", "writer"]);
  });

  test("filters what is pruned, and asks first", async () => {
    await host.ok(["run", "--name", "labelled", "base", "true"]);
    await host.ok(["commit", "-c", "LABEL keep=yes", "labelled", "kept"]);
    await host.ok(["commit", "labelled", "gone"]);
    await host.ok(["rm", "labelled"]);
    expect(await host.ok(["image", "prune", "-a"], { stdin: "n\n" })).toContain("Are you sure you want to continue? [y/N]");
    expect(await host.ok(["image", "ls", "--format", "{{.Repository}}"])).toContain("gone");
    // The base image is as old as the programs in it.
    expect(await host.ok(["image", "prune", "-a", "-f", "--filter", "until=1h"])).not.toMatch(/gone|kept/);
    await host.ok(["image", "prune", "-a", "-f", "--filter", "label!=keep"]);
    expect(await host.ok(["image", "ls", "--format", "{{.Repository}}"])).toBe("kept");
    expect(await host.wherry(["image", "prune", "-f", "--filter", "color=red"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("invalid filter 'color'"),
    });
    await host.ok(["image", "prune", "-a"], { stdin: "y\n" });
    expect(await host.ok(["images", "-q"])).toBe("");
  });

  test("system prune takes stopped containers, their volumes and what no container has then", async () => {
    await host.ok(["run", "-d", "--name", "alive", "base", "sleep", "1000"]);
    await host.ok(["run", "--name", "ended", "-v", "/data", "base", "sh", "-c", "echo x >/data/x; head -c 1000000 /dev/urandom >/big"]);
    await host.ok(["commit", "ended", "left:1"]);
    expect(await host.ok(["system", "prune"], { stdin: "\n" })).toContain("  - all stopped containers\n  - all dangling images\n");
    const before = await usage();
    const output = await host.ok(["system", "prune", "-a", "-f", "--volumes"]);
    expect(output).toMatch(
      /Deleted Containers:\n[0-9a-f]{64}\n\nDeleted Volumes:\n[0-9a-f]{64}\n\nDeleted Images:\nuntagged: left:1\ndeleted: sha256:/,
    );
    const after = await usage();
    expect(after["Images"]).toMatchObject({ total: 1, active: 1, reclaimable: 0 });
    expect(after["Containers"]).toMatchObject({ total: 1, active: 1, reclaimable: 0 });
    expect(after["Local Volumes"]).toMatchObject({ total: 0, bytes: 0 });
    const freed = ["Images", "Containers", "Local Volumes"].reduce(
      (sum, of) => sum + (before[of]?.bytes ?? 0) - (after[of]?.bytes ?? 0),
      0,
    );
    expectNear(parse(output.split("Total reclaimed space: ")[1] ?? ""), freed);
    expect((await host.wherry(["system", "prune", "-f", "--volumes", "--filter", "until=1h"])).stderr).toContain('the "until" filter');
    await host.ok(["rm", "-f", "alive"]);
  });

  test("in detail names images, containers and volumes", async () => {
    await host.ok(["run", "--name", "one", "-v", "data:/data", "base", "sh", "-c", "echo 1 >/data/file"]);
    const text = await host.ok(["system", "df", "-v"]);
    for (const heading of ["Images space usage:", "Containers space usage:", "Local Volumes space usage:", "UNIQUE SIZE", "VOLUME NAME"])
      expect(text).toContain(heading);
    expect(text).toMatch(/^data +1 +\d/m);
    expect(text).toMatch(/ one$/m);
    await host.ok(["rm", "one"]);
    await host.ok(["volume", "rm", "data"]);
  });
});
