import type { ChildProcess } from "node:child_process";
import { EngineError } from "../core/engine-error.ts";
import type { IdMapLine, IdMaps } from "./id-maps.ts";
import { type ProcessReference, readProcessStat } from "./process-reference.ts";

/** A user namespace of the calling user's, with a process that keeps it until it is disposed of. */
export interface MappedNamespace extends Disposable {
  readonly process: ProcessReference;
}

const programEnvironment = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

/**
 * Makes a user namespace with more than the caller's own ids: those that /etc/subuid and /etc/subgid give to it. That takes shadow's
 * set-user-id programs newuidmap and newgidmap (Debian: package uidmap), and util-linux's unshare.
 * @throws {EngineError} HOST_PROGRAM_MISSING, ID_MAPPING_FAILED
 */
export async function makeMappedNamespace(maps: IdMaps): Promise<MappedNamespace> {
  const { spawn } = process.getBuiltinModule("node:child_process");
  const keeper = spawn("unshare", ["--user", "cat"], { stdio: ["pipe", "pipe", "pipe"], cwd: "/", env: programEnvironment });
  const end = () => void keeper.kill("SIGKILL");
  try {
    const namespace = await isInside(keeper);
    writeMap("newuidmap", namespace.pid, maps.uid);
    writeMap("newgidmap", namespace.pid, maps.gid);
    return { process: namespace, [Symbol.dispose]: end };
  } catch (error) {
    end();
    throw error;
  }
}

/** Once `cat` says anything, unshare(1) has made the namespace and executed it. */
async function isInside(keeper: ChildProcess): Promise<ProcessReference> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = "";
  keeper.once("error", (cause) => reject(programMissing("unshare", cause)));
  keeper.once("exit", () => setImmediate(() => reject(mappingFailed("make a user namespace", said))));
  keeper.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString("utf8");
  });
  keeper.stdout?.once("data", () => resolve());
  keeper.stdin?.on("error", () => {});
  keeper.stdin?.write("\n");
  await promise;
  const stat = readProcessStat(keeper.pid ?? 0);
  if (stat === null) throw mappingFailed("make a user namespace", "the process in it has ended");
  return { pid: keeper.pid ?? 0, startTime: stat.startTime };
}

function writeMap(program: "newuidmap" | "newgidmap", pid: number, lines: readonly IdMapLine[]): void {
  const numbers = lines.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size]);
  const { error, status, stderr } = process
    .getBuiltinModule("node:child_process")
    .spawnSync(program, [pid, ...numbers].map(String), { encoding: "utf8", stdio: ["ignore", "ignore", "pipe"], env: programEnvironment });
  if (error !== undefined) throw programMissing(program, error);
  if (status !== 0) throw mappingFailed(`map the ids ${numbers.join(" ")}`, `${stderr.trim()} (see /etc/subuid, /etc/subgid)`);
}

function programMissing(program: string, cause: Error): EngineError {
  return new EngineError({
    kind: "failedPrecondition",
    code: "HOST_PROGRAM_MISSING",
    message: `map more ids than one's own: run \`${program}\` (packages util-linux, uidmap): ${cause.message}`,
    cause,
  });
}

function mappingFailed(what: string, why: string): EngineError {
  return new EngineError({ kind: "failedPrecondition", code: "ID_MAPPING_FAILED", message: `${what}: ${why.trim()}` });
}
