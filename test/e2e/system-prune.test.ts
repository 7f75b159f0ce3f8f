// `system prune`: stopped containers, then the volumes and images that only they had.
import { describe, expect } from "bun:test";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("system-prune", { payload: true });
const lines = async (...args: readonly string[]): Promise<readonly string[]> =>
  (await host.ok(args)).split("\n").filter((line) => line !== "");

describe("system prune", () => {
  test("asks first, and takes no answer for no", async () => {
    const { stdout, code } = await host.wherry(["system", "prune", "-a", "--volumes"], { stdin: "n\n" });
    expect({ stdout, code }).toEqual({
      code: 0,
      stdout:
        "WARNING! This will remove:\n  - all stopped containers\n  - all anonymous volumes not used by at least one container\n" +
        "  - all images without at least one container associated to them\n\nAre you sure you want to continue? [y/N] ",
    });
  });

  test("leaves what runs, and names; with -a and --volumes what nothing uses goes", async () => {
    await host.ok(["run", "-d", "--name", "runs", "payload", "sleep"]);
    await host.ok(["run", "--name", "ended", "-v", "/data", "payload", "try", "create", "/made"]);
    await host.ok(["commit", "ended", "named:1"]);
    const dangling = await host.ok(["commit", "--message", "no name", "ended"]);
    const id = await host.ok(["inspect", "-f", "{{.Id}}", "ended"]);
    const first = await host.ok(["system", "prune", "-f"]);
    expect(first).toContain(`Deleted Containers:\n${id}\n\nDeleted Images:\ndeleted: ${dangling}\n`);
    expect(first).toMatch(/\nTotal reclaimed space: [1-9][0-9.]*kB$/);
    expect(await lines("images", "--format", "{{.Repository}}")).toEqual(["named", "payload"]);
    expect(await lines("volume", "ls", "-q")).toHaveLength(1);
    const second = await host.ok(["system", "prune", "-f", "-a", "--volumes"]);
    expect(second).toMatch(/^Deleted Volumes:\n[0-9a-f]{64}\n\nDeleted Images:\nuntagged: named:1\ndeleted: /);
    expect(await lines("images", "--format", "{{.Repository}}")).toEqual(["payload"]);
    expect(await lines("volume", "ls", "-q")).toEqual([]);
    expect(await lines("ps", "--format", "{{.Names}}")).toEqual(["runs"]);
    expect(await host.ok(["system", "prune", "-f"])).toBe("Total reclaimed space: 0B");
    await host.ok(["rm", "-f", "runs"]);
  });

  test("filters count for all kinds; until does not go with --volumes", async () => {
    await host.ok(["create", "--name", "kept", "--label", "keep=yes", "payload"]);
    await host.ok(["create", "--name", "gone", "payload"]);
    await host.ok(["system", "prune", "-f", "--filter", "label!=keep=yes"]);
    expect(await lines("ps", "-a", "--format", "{{.Names}}")).toEqual(["kept"]);
    await host.ok(["system", "prune", "-f", "--filter", "until=24h"]);
    expect(await lines("ps", "-a", "--format", "{{.Names}}")).toEqual(["kept"]);
    expect(await host.wherry(["system", "prune", "-f", "--volumes", "--filter", "until=24h"])).toMatchObject({
      code: 1,
      stderr: 'wherry: the "until" filter is not supported with "--volumes"\n',
    });
    await host.ok(["rm", "kept"]);
  });
});
