import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createdWith } from "../../../test/fakes/created-with.ts";

describe("mounts", () => {
  test.each([
    [["-v", "/a:/b"], { type: "bind", source: "/a", target: "/b", createSource: true, readonly: false }],
    [["-v", "/a:/b:ro,rslave"], { type: "bind", source: "/a", target: "/b", createSource: true, readonly: true, propagation: "rslave" }],
    [["-v", "./x:/b:z"], { type: "bind", source: join(process.cwd(), "x"), target: "/b", createSource: true, readonly: false }],
    [
      ["--mount", "type=bind,src=/a,dst=/b,ro"],
      { type: "bind", source: "/a", target: "/b", createSource: false, readonly: true, origin: "mount" },
    ],
    [
      ["--mount", 'type=bind,"source=/a,b",target=/b,bind-propagation=shared,bind-recursive=disabled,readonly=false'],
      {
        type: "bind",
        source: "/a,b",
        target: "/b",
        createSource: false,
        readonly: false,
        propagation: "shared",
        nonRecursive: true,
        origin: "mount",
      },
    ],
    [
      ["--mount", "type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=1770"],
      { type: "tmpfs", target: "/t", tmpfsSizeBytes: 1024 ** 2, tmpfsMode: 0o1770, origin: "mount" },
    ],
    [["-v", "/data"], { type: "volume", target: "/data" }],
    [["-v", "data:/data:ro,nocopy"], { type: "volume", source: "data", target: "/data", readonly: true, volume: { noCopy: true } }],
    [
      ["--volume-driver", "local", "-v", "data:/data"],
      { type: "volume", source: "data", target: "/data", readonly: false, volume: { driver: "local" } },
    ],
    [["--mount", "target=/data"], { type: "volume", target: "/data", origin: "mount" }],
    [
      ["--mount", "source=v1,dst=/d,volume-subpath=a//b/.,volume-nocopy,volume-label=x=y,volume-opt=type=tmpfs,volume-opt=device=tmpfs"],
      {
        type: "volume",
        source: "v1",
        target: "/d",
        subpath: "a/b",
        origin: "mount",
        volume: { noCopy: true, labels: { x: "y" }, driverOptions: { type: "tmpfs", device: "tmpfs" } },
      },
    ],
    [
      ["--mount", "type=image,source=base,target=/i,image-subpath=etc"],
      { type: "image", source: "base", target: "/i", subpath: "etc", readonly: true, origin: "mount" },
    ],
    [
      ["--mount", "type=bind,src=/a,dst=/b,ro,bind-recursive=writable"],
      { type: "bind", source: "/a", target: "/b", createSource: false, readonly: true, recursiveReadonly: "writable", origin: "mount" },
    ],
    [
      ["-v", "/a:/b:idmap=1000"],
      { type: "bind", source: "/a", target: "/b", createSource: true, readonly: false, idmap: { kind: "owner", uid: 1000, gid: 1000 } },
    ],
    [
      ["--mount", "type=bind,src=/a,dst=/b,idmap=@uids=0-1-10#10-11-5;gids=5-0-1"],
      {
        type: "bind",
        source: "/a",
        target: "/b",
        createSource: false,
        origin: "mount",
        idmap: {
          kind: "ranges",
          relative: true,
          uids: [
            { stored: 0, seen: 1, size: 10 },
            { stored: 10, seen: 11, size: 5 },
          ],
          gids: [{ stored: 5, seen: 0, size: 1 }],
        },
      },
    ],
    [["--tmpfs", "/run"], { type: "tmpfs", target: "/run", readonly: false }],
    [
      ["--tmpfs", "/run:ro,size=64k,mode=755,noexec,uid=5"],
      { type: "tmpfs", target: "/run", readonly: true, tmpfsSizeBytes: 65536, tmpfsMode: 0o755, options: ["noexec", "uid=5"] },
    ],
    [["--tmpfs", "/run:size=50%"], { type: "tmpfs", target: "/run", readonly: false, options: ["size=50%"] }],
  ])("%p", async (args, mount) => {
    expect((await createdWith([...args, "image"])).mounts).toEqual([mount as never]);
  });
});
