// `rm`: what goes, what is refused, and that nothing of a container is left.
import { describe, expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { findLeaks } from "../support/leaks.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("rm", { payload: true });

const ids = async () => (await host.ok(["ps", "-aq", "--no-trunc"])).split("\n").filter((id) => id !== "");
const nothingLeft = async (id: string) => {
  expect(existsSync(`${host.root}/containers/${id}`)).toBe(false);
  expect(existsSync(`${host.runRoot}/${id}`)).toBe(false);
  await poll("the kernel has let go", () => findLeaks([id]).length === 0);
};

test("removes containers by name and by part of the id, and their files with them", async () => {
  const ids = [await host.ok(["create", "--name", "c1", "base"])];
  await host.ok([
    "run",
    "--name",
    "c2",
    "base",
    "sh",
    "-c",
    "mkdir -p /a/b; echo x > /a/b/c; mknod /n c 1 3; ln -s / /loop; chmod 000 /a; chattr +i /x 2>/dev/null; true",
  ]);
  ids.push(await host.ok(["inspect", "--format", "{{.Id}}", "c2"]));
  expect(await host.ok(["rm", "c1", ids[1]?.slice(0, 10) ?? ""])).toBe(`c1\n${ids[1]?.slice(0, 10)}`);
  for (const id of ids) await nothingLeft(id);
});

test("refuses one that runs or is paused, and says what to do", async () => {
  const id = await host.ok(["run", "-d", "--name", "busy", "payload", "sleep"]);
  const refused = await host.wherry(["rm", "busy"]);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toMatch(
    /cannot remove container "\/busy": container is running: stop the container before removing or force remove/,
  );
  await host.ok(["pause", "busy"]);
  expect(await host.wherry(["rm", "busy"])).toMatchObject({ code: 1, stderr: expect.stringContaining("container is paused") });
  expect(await host.ok(["rm", "-f", "busy"])).toBe("busy");
  await nothingLeft(id);
});

test("-f ends and removes a running one, with all its processes", async () => {
  const id = await host.ok(["run", "-d", "base", "sh", "-c", "trap '' TERM; sleep 1000 & setsid sleep 1000 & wait"]);
  await poll("it has its children", async () => (await host.ok(["top", id])).split("\n").length === 4);
  await host.ok(["rm", "-f", id]);
  await nothingLeft(id);
});

test("of several: a missing one is told and does not stop the others", async () => {
  await host.ok(["create", "--name", "m1", "base"]);
  await host.ok(["create", "--name", "m2", "base"]);
  expect(await host.wherry(["rm", "m1", "missing", "m2"])).toMatchObject({
    code: 1,
    stdout: "m1\nm2\n",
    stderr: "wherry: No such container: missing\n",
  });
  // As docker: with -f it is only a remark, so that scripts may repeat it.
  expect(await host.wherry(["rm", "-f", "missing"])).toMatchObject({ code: 0, stdout: "", stderr: "wherry: No such container: missing\n" });
});

test("refuses a part of an id that two containers share", async () => {
  const made: string[] = [];
  // Sixteen first digits: seventeen containers have two alike.
  for (let i = 0; i < 17; i++) made.push(await host.ok(["create", "base"]));
  const digit = made.map((id) => id.slice(0, 1)).find((first, at, all) => all.indexOf(first) !== at) ?? "";
  expect(await host.wherry(["rm", digit])).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/multiple|ambiguous|more than one/i),
  });
  expect(await ids()).toHaveLength(17);
  await host.ok(["rm", ...made]);
  expect(readdirSync(`${host.root}/containers`)).toEqual([]);
});

test("twice at the same time succeeds twice or says that it is gone", async () => {
  await host.ok(["run", "-d", "--name", "contested", "payload", "sleep"]);
  const results = await Promise.all([1, 2, 3, 4].map(() => host.wherry(["rm", "-f", "contested"])));
  for (const { code, stderr } of results)
    expect({ code, known: stderr === "" || stderr.includes("No such container") }).toEqual({ code: 0, known: true });
  expect(await ids()).toEqual([]);
});

describe("a container's files that resist", () => {
  test("a deep tree, a directory that nobody may enter, long names", async () => {
    const id = await host.ok([
      "create",
      "base",
      "sh",
      "-c",
      "i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done; touch $(printf %0255d 1); mkdir -m 000 /closed",
    ]);
    await host.ok(["start", "-a", id]);
    await host.ok(["rm", id]);
    await nothingLeft(id);
  });
});
