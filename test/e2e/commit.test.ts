// wherry commit, on the built program: what the image holds and says, one layer or one more, and docker's answers to Dockerfile instructions.
import { beforeAll, describe, expect, test as bunTest } from "bun:test";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "busybox");
const isThere = test === bunTest;
const host = useWherryHost("commit");

const inspect = async (image: string, template: string) => host.ok(["image", "inspect", "-f", template, image]);
const layersOf = async (image: string): Promise<number> => Number(await inspect(image, "{{len .RootFS.Layers}}"));
const sh = (image: string, line: string) => host.ok(["run", "--rm", "--network", "none", image, "sh", "-c", line]);

beforeAll(async () => {
  if (!isThere) return;
  await host.ok(["run", "-d", "--name", "box", "--network", "none", "-e", "A=1", "base", "sleep", "100000"]);
  const script =
    "echo new > /new; chown 5:6 /new; ln /new /hard; rm /etc/group; rm -r /home; mkdir /home; ln -s new /link; touch -d @77 /old";
  await host.ok(["exec", "box", "sh", "-c", script]);
}, 60_000);

const contents =
  "cat /new; stat -c '%u:%g %h' /new; [ /new -ef /hard ] && echo same; readlink /link; stat -c %Y /old; ls /etc/group /home 2>&1; true";
const expected = "new\n5:6 2\nsame\nnew\n77\nls: /etc/group: No such file or directory\n/home:";

describe("the layers", () => {
  test("one more, with what was changed", async () => {
    await host.ok(["commit", "box", "more"]);
    expect(await layersOf("more")).toBe((await layersOf("base")) + 1);
    expect(await sh("more", contents)).toBe(expected);
  });
  test("--squash: one for all, running or not, and the history stays", async () => {
    await host.ok(["commit", "--squash", "-m", "all in one", "-a", "me", "box", "one"]);
    expect(await inspect("one", "{{len .RootFS.Layers}} {{.Comment}} {{.Author}}")).toBe("1 all in one me");
    expect(await sh("one", contents)).toBe(expected);
    expect(await sh("one", "ls /bin | wc -l")).toBe(await sh("base", "ls /bin | wc -l"));
    const steps = (await host.ok(["history", "-q", "base"])).split("\n").length;
    expect((await host.ok(["history", "-q", "one"])).split("\n").length).toBe(steps + 1);
    await host.ok(["kill", "box"]);
    await host.ok(["commit", "--squash", "box", "stopped"]);
    expect(await sh("stopped", contents)).toBe(expected);
    await host.ok(["start", "box"]);
  });
  test("a squashed image needs no other", async () => {
    await host.ok(["run", "--name", "of-one", "one", "true"]);
    await host.ok(["rm", "of-one"]);
    expect(await host.ok(["rmi", "more"])).toContain("Untagged: more:latest");
    expect(await sh("one", "cat /new")).toBe("new");
  });
});

describe("the container", () => {
  test("stands still meanwhile, and runs on; with --pause=false it just runs", async () => {
    await host.ok(["exec", "-d", "box", "sh", "-c", "while :; do date +%N > /ticks; done"]);
    for (const flag of ["--pause", "--pause=false"]) {
      await host.ok(["commit", flag, "box", "ticking"]);
      expect(await host.ok(["inspect", "-f", "{{.State.Status}}", "box"])).toBe("running");
      const before = await host.ok(["exec", "box", "cat", "/ticks"]);
      let after = before;
      for (let tries = 0; after === before && tries < 100; tries++) after = await host.ok(["exec", "box", "cat", "/ticks"]);
      expect(after).not.toBe(before);
    }
  });
});

describe("--change", () => {
  test("several instructions, later ones seeing earlier ones", async () => {
    const changes = ["ENV B=$A", 'CMD ["b"]\nENTRYPOINT ["a"]', "HEALTHCHECK --interval=2s CMD ok", "ONBUILD RUN x", 'LABEL l="$B c"'];
    await host.ok(["commit", ...changes.flatMap((change) => ["-c", change]), "box", "changed"]);
    const config = JSON.parse(await inspect("changed", "{{json .Config}}")) as Record<string, unknown>;
    expect(config).toMatchObject({
      Entrypoint: ["a"],
      Cmd: ["b"],
      Healthcheck: { Test: ["CMD-SHELL", "ok"], Interval: 2e9 },
      OnBuild: ["RUN x"],
      Labels: { l: "1 c" },
    });
    expect(config["Env"]).toContain("B=1");
  });
  test("refused in docker's words, and nothing is made", async () => {
    const { code, stderr } = await host.wherry(["commit", "-c", "RUN x", "box", "refused"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "wherry: run is not a valid change command\n" });
    expect((await host.wherry(["image", "inspect", "refused"])).code).toBe(1);
  });
});

test("diff: a directory in which something came and went has not changed", async () => {
  await host.ok(["run", "--name", "coming", "base", "sh", "-c", "mkdir /srv/x; rmdir /srv/x; mkdir -p /opt/y/z; chmod 700 /mnt"]);
  expect(await host.ok(["diff", "coming"])).toBe("C /mnt\nC /opt\nA /opt/y\nA /opt/y/z");
});
