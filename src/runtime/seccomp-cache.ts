import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { allCapabilities } from "../core/all-capabilities.ts";
import { randomHex } from "../core/random.ts";
import type { OciSeccomp } from "../plan/oci-config.ts";
import type { SeccompProgram } from "../plan/seccomp/seccomp-program.ts";
import { defaultProfileVersion, seccompCompilerVersion } from "../plan/seccomp/seccomp-versions.ts";

/** Which profile a container gets. */
export type SeccompSource =
  /** Wherry's own. `capabilities`: the container's bounding set, `CAP_…` each. */
  | { readonly kind: "default"; readonly capabilities: readonly string[] }
  /** A profile in docker's form, the JSON itself. */
  | { readonly kind: "docker"; readonly json: string; readonly capabilities: readonly string[]; readonly kernelRelease: string }
  /** `linux.seccomp` of a bundle. */
  | { readonly kind: "oci"; readonly profile: OciSeccomp };

export interface SeccompCacheOptions {
  readonly machine: "x86_64" | "aarch64";
  /** Made when missing. Only the caller may be able to write there. Null: nothing is kept. */
  readonly directory: HostPath | null;
}

const MAGIC = "WHRYBPF1";
const HEADER_BYTES = MAGIC.length + 4;

/**
 * The compiled program of a profile, from the cache or compiled now and put there. A hit reads one small file; profile, compiler and
 * tables are loaded only on a miss. Concurrent misses each write the same bytes and rename: the file is whole or absent. A cache that can't
 * be written is no error.
 * @throws {EngineError} SECCOMP_INVALID, SECCOMP_UNSUPPORTED
 */
export async function loadSeccompProgram(source: SeccompSource, options: SeccompCacheOptions): Promise<SeccompProgram> {
  if (options.directory === null) return compile(source, options.machine);
  const path = `${options.directory}/${cacheKey(source, options.machine)}.bpf`;
  const cached = readCached(path);
  if (cached !== null) return cached;
  const compiled = await compile(source, options.machine);
  writeCached(options.directory, path, compiled);
  return compiled;
}

/** A name that changes with all that decides the program. The default profile's is spelled out: hashing would cost every start. */
function cacheKey(source: SeccompSource, machine: string): string {
  if (source.kind === "default") {
    const names: readonly string[] = allCapabilities;
    const mask = source.capabilities.reduce((sum, name) => sum | (1n << BigInt(names.indexOf(name))), 0n);
    return `default-${defaultProfileVersion}-${seccompCompilerVersion}-${machine}-${mask.toString(16)}`;
  }
  const parts: string[] = [String(seccompCompilerVersion), machine, source.kind];
  if (source.kind === "oci") parts.push(JSON.stringify(source.profile));
  else parts.push([...source.capabilities].sort().join(","), source.kernelRelease, source.json);
  const { createHash } = process.getBuiltinModule("node:crypto");
  return createHash("sha256").update(parts.join("\0")).digest("hex");
}

function readCached(path: string): SeccompProgram | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return null;
  }
  const whole =
    bytes.length > HEADER_BYTES && (bytes.length - HEADER_BYTES) % 8 === 0 && bytes.toString("latin1", 0, MAGIC.length) === MAGIC;
  if (!whole) return null;
  return { flags: bytes.readUInt32LE(MAGIC.length), program: new Uint8Array(bytes.subarray(HEADER_BYTES)) };
}

function writeCached(directory: string, path: string, compiled: SeccompProgram): void {
  const header = Buffer.alloc(HEADER_BYTES, MAGIC, "latin1");
  header.writeUInt32LE(compiled.flags, MAGIC.length);
  const temporary = `${path}.${randomHex(8)}`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(temporary, Buffer.concat([header, compiled.program]), { mode: 0o600, flag: "wx" });
    renameSync(temporary, path);
  } catch {
    // A full or read-only disk: the next start compiles again.
  }
}

async function compile(source: SeccompSource, machine: "x86_64" | "aarch64"): Promise<SeccompProgram> {
  const { compileSeccomp } = await import("../plan/seccomp/compile-seccomp.ts");
  return compileSeccomp(await resolve(source, machine), machine);
}

async function resolve(source: SeccompSource, architecture: "x86_64" | "aarch64"): Promise<OciSeccomp> {
  if (source.kind === "oci") return source.profile;
  const { capabilities } = source;
  if (source.kind === "docker") {
    const { parseDockerProfile, resolveDockerProfile } = await import("../plan/seccomp/docker-profile.ts");
    return resolveDockerProfile(parseDockerProfile(source.json), { capabilities, architecture, kernelRelease: source.kernelRelease });
  }
  const { defaultSeccompProfile } = await import("../plan/seccomp/default-profile.ts");
  // Its only kernel condition is 4.8, long below the oldest kernel that Wherry runs on.
  return defaultSeccompProfile({ capabilities, architecture, kernelRelease: "5.15" });
}
