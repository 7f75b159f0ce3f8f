// `stop`, `kill`, `wait`, `pause`, `unpause`: how containers end, and how one waits for that.
import { describe, expect } from "bun:test";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("stop-kill", { payload: true });

const show = (reference: string, format: string) => host.ok(["inspect", "--format", format, reference]);
/** A process that is told of every signal and ends by none but SIGTERM after SIGQUIT. */
const stubborn = async (name: string, ...options: readonly string[]) => {
  await host.ok(["run", "-d", "--name", name, ...options, "payload", "signals"]);
  await poll("it is ready", async () => (await host.ok(["logs", name])).includes("ready"));
};
const timed = async <T>(action: Promise<T>) => {
  const started = performance.now();
  await action;
  return (performance.now() - started) / 1000;
};

describe("stop", () => {
  test("sends SIGTERM, and SIGKILL when the time is up", async () => {
    await stubborn("ignores");
    const seconds = await timed(host.ok(["stop", "-t", "1", "ignores"]));
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThan(5);
    expect(await host.ok(["logs", "ignores"])).toBe("ready\n15");
    expect(await show("ignores", "{{.State.Status}} {{.State.ExitCode}}")).toBe("exited 137");
    await host.ok(["rm", "ignores"]);
  });
  test("returns as soon as the process has ended, with its own exit code", async () => {
    await host.ok(["run", "-d", "--name", "obeys", "base", "sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"]);
    await poll("it is ready", async () => (await host.ok(["logs", "obeys"])).includes("ready"));
    expect(await timed(host.ok(["stop", "obeys"]))).toBeLessThan(5);
    expect(await show("obeys", "{{.State.ExitCode}}")).toBe("3");
    await host.ok(["rm", "obeys"]);
  });
  test("uses the container's stop signal and timeout, unless told otherwise", async () => {
    await stubborn("custom", "--stop-signal", "SIGUSR2", "--stop-timeout", "0");
    expect(await show("custom", "{{.Config.StopSignal}} {{.Config.StopTimeout}}")).toBe("SIGUSR2 0");
    expect(await timed(host.ok(["stop", "custom"]))).toBeLessThan(5);
    expect(await host.ok(["logs", "custom"])).toMatch(/^ready(\n12)?$/);
    await host.ok(["start", "custom"]);
    await poll("it is ready again", async () => (await host.ok(["logs", "custom"])).split("ready").length === 3);
    expect(await timed(host.ok(["stop", "-s", "INT", "-t", "1", "custom"]))).toBeGreaterThanOrEqual(1);
    expect(await host.ok(["logs", "custom"])).toEndWith("\n2");
    await host.ok(["rm", "custom"]);
  });
  test("takes the image's STOPSIGNAL", async () => {
    await host.ok([
      "import",
      "--change",
      'ENTRYPOINT ["/payload"]',
      "--change",
      "STOPSIGNAL SIGHUP",
      `${host.directory}/payload.tar`,
      "hup",
    ]);
    await host.ok(["run", "-d", "--name", "hup", "hup", "signals"]);
    await poll("it is ready", async () => (await host.ok(["logs", "hup"])).includes("ready"));
    await host.ok(["stop", "-t", "1", "hup"]);
    expect(await host.ok(["logs", "hup"])).toBe("ready\n1");
    await host.ok(["rm", "hup"]);
  });
  test("ends a paused container", async () => {
    await stubborn("frozen");
    await host.ok(["pause", "frozen"]);
    expect(await timed(host.ok(["stop", "-t", "1", "frozen"]))).toBeLessThan(5);
    expect(await show("frozen", "{{.State.Status}} {{.State.ExitCode}}")).toBe("exited 137");
    await host.ok(["rm", "frozen"]);
  });
  test("of several: all at once, missing ones told, stopped ones fine", async () => {
    for (const name of ["a1", "a2", "a3"]) await stubborn(name);
    await host.ok(["create", "--name", "a0", "base"]);
    const result = await host.wherry(["stop", "-t", "1", "a1", "missing", "a2", "a0", "a3"]);
    const times = await Promise.all(["a1", "a2", "a3"].map(async (name) => Date.parse(await show(name, "{{.State.FinishedAt}}"))));
    // One after the other would be a second apart.
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(1000);
    expect(result).toMatchObject({ code: 1, stdout: "a1\na2\na0\na3\n", stderr: expect.stringContaining("No such container: missing") });
    expect(await host.ok(["stop", "a1"])).toBe("a1");
    await host.ok(["rm", "a0", "a1", "a2", "a3"]);
  });
  test("refuses a signal that does not exist", async () => {
    await stubborn("asked");
    expect(await host.wherry(["stop", "-s", "NOPE", "asked"])).toMatchObject({ code: 1, stdout: "" });
    expect(await show("asked", "{{.State.Running}}")).toBe("true");
    await host.ok(["rm", "-f", "asked"]);
  });
  test("also ends what the process has left behind", async () => {
    await host.ok(["run", "-d", "--name", "parent", "base", "sh", "-c", "sleep 1000 & setsid sleep 1000 & exec sleep 1000"]);
    await poll("three processes", async () => (await host.ok(["top", "parent"])).split("\n").length === 4);
    // With options for ps, its columns and the same processes, by the host's pids.
    const [titles = "", ...lines] = (await host.ok(["top", "parent", "-o", "pid,args"])).split("\n");
    expect(titles.split(/ +/)).toEqual(["PID", "COMMAND"]);
    expect(lines).toHaveLength(3);
    expect(lines.map((line) => Number.parseInt(line, 10))).toContain(Number(await host.ok(["inspect", "-f", "{{.State.Pid}}", "parent"])));
    expect(await host.wherry(["top", "parent", "-o", "comm"])).toMatchObject({ code: 1, stderr: expect.stringContaining("no column PID") });
    await host.ok(["stop", "-t", "0", "parent"]);
    await host.ok(["rm", "parent"]);
  });
});

describe("kill", () => {
  test("is SIGKILL, or the signal given by name, with or without SIG, or number", async () => {
    await stubborn("struck");
    for (const signal of ["USR1", "SIGUSR2", "1", "sigint", "RTMIN+3"])
      expect(await host.ok(["kill", "-s", signal, "struck"])).toBe("struck");
    await poll("all arrived", async () => (await host.ok(["logs", "struck"])).split("\n").length === 6);
    expect((await host.ok(["logs", "struck"])).split("\n").slice(1).sort()).toEqual(["1", "10", "12", "2", "37"]);
    expect(await show("struck", "{{.State.Running}}")).toBe("true");
    await host.ok(["kill", "struck"]);
    expect(await host.ok(["wait", "struck"])).toBe("137");
    await host.ok(["rm", "struck"]);
  });
  test("reaches a paused container", async () => {
    await stubborn("cold");
    await host.ok(["pause", "cold"]);
    await host.ok(["kill", "cold"]);
    expect(await host.ok(["wait", "cold"])).toBe("137");
    await host.ok(["rm", "cold"]);
  });
  test("returns when all have ended, as docker's: what comes next finds a stopped container", async () => {
    for (const name of ["many-1", "many-2", "many-3"]) {
      await host.ok(["run", "-d", "--name", name, "base", "sh", "-c", "for i in $(seq 300); do sleep 1000 & done; echo ready; wait"]);
      await poll("all are there", async () => (await host.ok(["logs", name])).includes("ready"));
      await host.ok(["kill", name]);
      expect(await host.wherry(["rm", name])).toMatchObject({ code: 0, stderr: "" });
    }
  });
  test("of one that does not run is an error, and so is one that does not exist", async () => {
    await host.ok(["create", "--name", "idle", "base"]);
    expect(await host.wherry(["kill", "idle"])).toMatchObject({ code: 1, stderr: expect.stringMatching(/Container .* is not running/) });
    expect(await host.wherry(["kill", "missing"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("No such container: missing"),
    });
    await host.ok(["rm", "idle"]);
  });
});

describe("wait", () => {
  test("blocks until the end and prints the exit code; of an ended one at once", async () => {
    await host.ok(["run", "-d", "-i", "--name", "awaited", "base", "sh", "-c", "trap 'exit 6' TERM; while :; do sleep 0.05; done"]);
    const waiting = host.start(["wait", "awaited"]);
    await host.ok(["stop", "awaited"]);
    expect(await waiting.done).toMatchObject({ code: 0, stdout: "6\n" });
    expect(await host.ok(["wait", "awaited"])).toBe("6");
    await host.ok(["rm", "awaited"]);
  });
  test("of several prints one code each, in order", async () => {
    for (const code of [1, 2, 3]) await host.ok(["run", "-d", "--name", `w${code}`, "payload", "exit", String(code)]);
    expect(await host.ok(["wait", "w3", "w1", "w2"])).toBe("3\n1\n2");
    await host.ok(["rm", "w1", "w2", "w3"]);
  });
  test("sees the end of one that is removed meanwhile", async () => {
    await stubborn("vanishes", "--rm");
    const waiting = host.start(["wait", "vanishes"]);
    await poll("it waits", () => waiting.child.pid !== undefined);
    await host.ok(["rm", "-f", "vanishes"]);
    const { code, stdout, stderr } = await waiting.done;
    // It may have looked only when the container was gone.
    expect(code === 0 ? stdout : stderr).toMatch(/^137\n$|No such container/);
  });
  test("of a missing one is an error", async () => {
    expect(await host.wherry(["wait", "missing"])).toMatchObject({ code: 1, stderr: "wherry: No such container: missing\n" });
  });
});

describe("pause", () => {
  test("freezes every process, unpause lets them go on", async () => {
    await host.ok(["run", "-d", "--name", "counter", "base", "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i > /n; done"]);
    const count = async () => (await host.wherry(["exec", "counter", "cat", "/n"])).stdout;
    await poll("it counts", count);
    expect(await host.ok(["pause", "counter"])).toBe("counter");
    expect(await show("counter", "{{.State.Status}} {{.State.Running}} {{.State.Paused}}")).toBe("paused true true");
    expect(await host.ok(["ps", "--filter", "name=counter", "--format", "{{.Status}}"])).toMatch(/^Up .* \(Paused\)$/);
    const pid = await show("counter", "{{.State.Pid}}");
    const used = async () => (await Bun.file(`/proc/${pid}/stat`).text()).split(" ").slice(13, 15).join(" ");
    const before = await used();
    expect(await host.wherry(["exec", "counter", "true"])).toMatchObject({ code: 1, stderr: expect.stringContaining("is paused") });
    expect(await host.wherry(["pause", "counter"])).toMatchObject({ code: 1, stderr: expect.stringContaining("already paused") });
    expect(await host.wherry(["start", "counter"])).toMatchObject({ code: 1 });
    expect(await host.wherry(["attach", "counter"])).toMatchObject({ code: 1, stderr: expect.stringContaining("unpause it first") });
    expect(await used()).toBe(before);
    expect(await host.ok(["unpause", "counter"])).toBe("counter");
    await poll("it counts again", async () => (await used()) !== before);
    expect(await host.wherry(["unpause", "counter"])).toMatchObject({ code: 1, stderr: expect.stringContaining("is not paused") });
    await host.ok(["rm", "-f", "counter"]);
    expect(await host.wherry(["pause", "counter"])).toMatchObject({ code: 1, stderr: expect.stringContaining("No such container") });
  });
  test("of one that does not run is an error", async () => {
    await host.ok(["create", "--name", "still", "base"]);
    expect(await host.wherry(["pause", "still"])).toMatchObject({ code: 1, stderr: expect.stringMatching(/is not running/) });
    await host.ok(["rm", "still"]);
  });
});
