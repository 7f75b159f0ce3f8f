import { spawnSync } from "node:child_process";
import { EngineError } from "../../core/engine-error.ts";

export interface HelperCredentials {
  readonly username: string;
  readonly secret: string;
}

const timeoutMs = 60_000;
/** What helpers say of an unknown registry. @see github.com/docker/docker-credential-helpers credentials/error.go */
const notFound = "credentials not found in native keychain";

/** What the helper knows of a registry. @throws {EngineError} CREDENTIAL_HELPER_FAILED */
export function helperGet(helper: string, key: string): HelperCredentials | undefined {
  const answer = call(helper, "get", key);
  if (answer.failed) {
    if (answer.text.includes(notFound)) return undefined;
    throw failed(helper, "get", answer.text);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(answer.text);
  } catch {
    throw failed(helper, "get", "its answer is not JSON");
  }
  const { Username: username, Secret: secret } = (parsed ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof username !== "string" || typeof secret !== "string") throw failed(helper, "get", "its answer has no Username and Secret");
  return secret === "" ? undefined : { username, secret };
}

/** @throws {EngineError} CREDENTIAL_HELPER_FAILED */
export function helperStore(helper: string, key: string, credentials: HelperCredentials): void {
  const input = JSON.stringify({ ServerURL: key, Username: credentials.username, Secret: credentials.secret });
  const answer = call(helper, "store", input);
  if (answer.failed) throw failed(helper, "store", answer.text);
}

/** Idempotent. @throws {EngineError} CREDENTIAL_HELPER_FAILED */
export function helperErase(helper: string, key: string): void {
  const answer = call(helper, "erase", key);
  if (answer.failed && !answer.text.includes(notFound)) throw failed(helper, "erase", answer.text);
}

/** The protocol: one word as argument, the rest on standard input, the answer or the error on standard output. */
function call(helper: string, action: string, input: string): { readonly failed: boolean; readonly text: string } {
  const program = `docker-credential-${helper}`;
  // From the configuration, and to be looked up in PATH: it must be no path.
  if (helper.includes("/")) throw failed(helper, action, "its name holds a slash");
  const { error, status, stdout } = spawnSync(program, [action], {
    input,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "inherit"],
    timeout: timeoutMs,
    maxBuffer: 1024 * 1024,
  });
  if (error !== undefined) {
    throw failed(helper, action, (error as NodeJS.ErrnoException).code === "ENOENT" ? `${program} is not in PATH` : error.message);
  }
  return { failed: status !== 0, text: stdout.trim() };
}

function failed(helper: string, action: string, why: string): EngineError {
  return new EngineError({
    kind: "unavailable",
    code: "CREDENTIAL_HELPER_FAILED",
    message: `credential helper \`${helper}\` (${action}): ${why}`,
  });
}
