import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { encodeFrame, frameTypes } from "./frames.ts";
import { launchPlan } from "./launcher-client.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/wherry-launcher-client-`);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A launcher that is a shell script with descriptor 3. It must read the plan: unread bytes at its end make the kernel drop what it sent. */
function launcher(script: string): string {
  const path = `${directory}/launcher`;
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Bytes as printf(1) writes them. */
const printf = (bytes: Buffer): string => `printf '${[...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")}' >&3`;

function started(): Buffer {
  const payload = Buffer.alloc(32);
  payload.writeUInt32LE(11, 0);
  payload.writeBigUInt64LE(22n, 4);
  payload.writeUInt32LE(33, 12);
  payload.writeBigUInt64LE(44n, 16);
  payload.writeBigInt64LE(55n, 24);
  return encodeFrame(frameTypes.started, payload);
}

const plan = Buffer.from("a plan");
const planBytes = plan.length + 8;
const readPlan = `head -c ${planBytes} <&3 >/dev/null`;

test("launchPlan() sends the plan and resolves with what was started, and with output that came at once", async () => {
  const program = launcher(
    `[ "$1" = plan ] || exit 1\nhead -c ${planBytes} <&3 | tail -c 6 > ${directory}/plan\n${printf(Buffer.concat([started(), encodeFrame(frameTypes.output, Buffer.from("hi"), 1)]))}`,
  );
  const { connection, ...process } = await launchPlan({ launcher: program, plan });
  expect(process).toEqual({ pid: 11, startTime: 22n, monitorPid: 33, monitorStartTime: 44n, time: 55n });
  const output = await new Promise<string>((resolve) => connection.onOutput(({ bytes }) => resolve(Buffer.from(bytes).toString())));
  expect(output).toBe("hi");
  expect(await connection.ended).toBeNull();
  expect(readFileSync(`${directory}/plan`, "utf8")).toBe("a plan");
});

test("launchPlan() answers a held point after the caller's work, and not one that is only told", async () => {
  const tell = (point: string): Buffer => {
    const payload = Buffer.alloc(4 + point.length);
    payload.writeUInt32LE(99, 0);
    payload.write(point, 4);
    return encodeFrame(frameTypes.tell, payload);
  };
  const program = launcher(
    `${readPlan}\n${printf(tell("told"))}\n${printf(tell("held"))}\nhead -c 12 <&3 > ${directory}/go\n${printf(started())}`,
  );
  const points: string[] = [];
  const { connection } = await launchPlan({
    launcher: program,
    plan,
    holds: new Set(["held"]),
    onTell: async (point, pid) => {
      await new Promise((resolve) => setImmediate(resolve));
      points.push(`${point} ${pid}`);
    },
  });
  connection.close();
  expect(points).toEqual(["told 99", "held 99"]);
  expect(encodeFrame(frameTypes.go, Buffer.from("held")).equals(readFileSync(`${directory}/go`))).toBe(true);
});

test("launchPlan() throws LAUNCH_FAILED with operation, errno and detail when the launcher reports an error", async () => {
  const payload = Buffer.concat([Buffer.from([14, 0, 0, 0, 1, 0, 0, 0]), Buffer.from("overlay: nope")]);
  const error = launchPlan({ launcher: launcher(`${readPlan}\n${printf(encodeFrame(frameTypes.error, payload))}`), plan });
  await expect(error).rejects.toMatchObject({
    code: "LAUNCH_FAILED",
    message: "carry out operation 14 of the launch plan: operation not permitted (overlay: nope)",
    details: { operation: 14, errno: 1, detail: "overlay: nope" },
  });
});

test("launchPlan() throws LAUNCHER_UNAVAILABLE when there is no launcher, or it ends without a word", async () => {
  await expect(launchPlan({ launcher: `${directory}/none`, plan })).rejects.toMatchObject({ code: "LAUNCHER_UNAVAILABLE" });
  await expect(launchPlan({ launcher: launcher("exit 9"), plan })).rejects.toMatchObject({
    code: "LAUNCHER_UNAVAILABLE",
    message: `run the launcher \`${directory}/launcher\`: it ended with status 9 and no report`,
  });
  await expect(launchPlan({ launcher: launcher("kill -9 $$"), plan })).rejects.toThrow("it was killed by SIGKILL");
});

test("launchPlan() throws LAUNCHER_PROTOCOL when the launcher speaks out of turn", async () => {
  await expect(
    launchPlan({ launcher: launcher(`${readPlan}\n${printf(encodeFrame(frameTypes.gap, Buffer.alloc(8), 1))}`), plan }),
  ).rejects.toMatchObject({
    code: "LAUNCHER_PROTOCOL",
  });
});

test("launchPlan() lets go of the launcher and throws the reason when aborted", async () => {
  const abort = new AbortController();
  const program = launcher("cat <&3 >/dev/null");
  const launch = launchPlan({ launcher: program, plan, signal: abort.signal });
  abort.abort(new Error("enough"));
  await expect(launch).rejects.toThrow("enough");
  await expect(launchPlan({ launcher: program, plan, signal: abort.signal })).rejects.toThrow("enough");
});
