// An image whose every text holds what terminals obey: nothing of it reaches a terminal by a verb that lists or tells.
import { beforeAll, describe, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { digestOf, json, layerOf, oldDockerArchive, tarOf } from "../support/image-archives.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs");
const host = useWherryHost("archives-hostile");
/** Clears the screen, sets the title, goes back and overwrites; the last one by a byte of the second set of control characters. */
const evil = "\u001b[2J\u001b]0;title\u0007\r\n\u009b31m\u007f";

beforeAll(async () => {
  if (test === test.skip) return;
  const layer = layerOf("a");
  const config = json({
    architecture: `amd64${evil}`,
    os: "linux",
    author: evil,
    comment: evil,
    config: {
      Cmd: [`/x${evil}`],
      Env: [`A=${evil}`],
      Labels: { [`k${evil}`]: `v${evil}` },
      WorkingDir: `/${evil}`,
      ExposedPorts: { [`80/tcp${evil}`]: {} },
      Volumes: { [`/v${evil}`]: {} },
    },
    history: [{ created_by: evil, comment: evil }],
    rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
  });
  writeFileSync(`${host.directory}/evil.tar`, tarOf(oldDockerArchive([{ image: { config, layers: [layer] }, tags: ["evil:1"] }])));
  await host.ok(["load", "-i", `${host.directory}/evil.tar`]);
  await host.wherry(["create", "--name", "box", "evil:1"]);
});

describe("an image full of control characters", () => {
  const commands: readonly (readonly string[])[] = [
    ["images"],
    ["images", "--format", "{{json .}}"],
    ["history", "evil:1"],
    ["history", "--no-trunc", "evil:1"],
    ["inspect", "evil:1"],
    ["run", "--rm", "--network", "none", "evil:1"],
    ["ps", "-a", "--no-trunc"],
    ["inspect", "box"],
    ["inspect", "--format", "{{json .Config}}", "box"],
    ["system", "df", "-v"],
    ["rmi", "evil:1"],
  ];
  test.each(commands.map((args) => [args.join(" "), args] as const))("%s", async (_line, args) => {
    const { stdout, stderr } = await host.wherry(args);
    expect(stdout + stderr).not.toBe("");
    expect((stdout + stderr).replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });
});
