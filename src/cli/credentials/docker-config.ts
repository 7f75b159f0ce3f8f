import { chmodSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { EngineError } from "../../core/engine-error.ts";
import { randomHex } from "../../core/random.ts";

type Json = Record<string, unknown>;

/** What one registry's entry under `auths` holds. */
export interface StoredAuth {
  readonly username: string;
  readonly password: string;
  readonly identityToken: string;
  readonly registryToken: string;
}

/**
 * Docker's `config.json`, shared with docker, podman and skopeo: only what concerns a login is touched, everything else stays as it was.
 * @see https://docs.docker.com/reference/cli/docker/#configuration-files
 */
export class DockerConfig {
  readonly path: string;
  readonly #document: Json;

  private constructor(path: string, document: Json) {
    this.path = path;
    this.#document = document;
  }

  /** In $DOCKER_CONFIG, else ~/.docker. Empty when there is none. @throws {EngineError} CREDENTIALS_INVALID */
  static read(env: Readonly<Record<string, string | undefined>>): DockerConfig {
    const directory = env["DOCKER_CONFIG"] ?? "";
    const path = `${directory === "" ? `${env["HOME"] ?? "/root"}/.docker` : directory}/config.json`;
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return new DockerConfig(path, {});
      throw invalid(path, cause instanceof Error ? cause.message : String(cause));
    }
    let document: unknown;
    try {
      document = JSON.parse(text === "" ? "{}" : text);
    } catch {
      throw invalid(path, "it is not JSON");
    }
    if (!isObject(document)) throw invalid(path, "it is not an object");
    return new DockerConfig(path, document);
  }

  /** A setting that is text; empty when there is none. */
  text(name: string): string {
    const value = this.#document[name];
    return typeof value === "string" ? value : "";
  }

  /** The name of the credential helper for a registry; undefined: its credentials are in the file. */
  helperOf(key: string): string | undefined {
    const own = this.#object("credHelpers")[key];
    if (typeof own === "string" && own !== "") return own;
    const store = this.#document["credsStore"];
    return typeof store === "string" && store !== "" ? store : undefined;
  }

  /** @throws {EngineError} CREDENTIALS_INVALID */
  auth(key: string): StoredAuth | undefined {
    const auths = this.#object("auths");
    // Old entries are keyed by URL.
    const name = Object.keys(auths).find((entry) => entry === key) ?? Object.keys(auths).find((entry) => hostOf(entry) === hostOf(key));
    const entry = name === undefined ? undefined : auths[name];
    if (!isObject(entry)) return undefined;
    const text = (field: string): string => (typeof entry[field] === "string" ? entry[field] : "");
    const decoded = Buffer.from(text("auth"), "base64").toString("utf8").replace(/\0+$/, "");
    const colon = decoded.indexOf(":");
    if (text("auth") !== "" && colon < 1) throw invalid(this.path, `\`auth\` of ${key} is not NAME:PASSWORD in base64`);
    return {
      username: colon < 1 ? text("username") : decoded.slice(0, colon),
      password: colon < 1 ? text("password") : decoded.slice(colon + 1),
      identityToken: text("identitytoken"),
      registryToken: text("registrytoken"),
    };
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#object("auths"), key);
  }

  setAuth(key: string, credentials: { readonly username: string; readonly password: string } | undefined): void {
    const auth =
      credentials === undefined ? {} : { auth: Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64") };
    this.#document["auths"] = { ...this.#object("auths"), [key]: auth };
  }

  removeAuth(key: string): void {
    const { [key]: _removed, ...rest } = this.#object("auths");
    this.#document["auths"] = rest;
  }

  /** Atomic. Readable for its owner alone; a link stays a link. @throws {EngineError} CREDENTIALS_INVALID */
  write(): void {
    const directory = this.path.slice(0, this.path.lastIndexOf("/"));
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const target = existing(this.path) ?? this.path;
      const mode = statSync(target, { throwIfNoEntry: false })?.mode ?? 0o600;
      const temporary = `${target}.${randomHex(4)}`;
      try {
        writeFileSync(temporary, `${JSON.stringify(this.#document, null, "\t")}\n`, { mode: 0o600, flag: "wx" });
        chmodSync(temporary, mode & 0o700);
        renameSync(temporary, target);
      } finally {
        rmSync(temporary, { force: true });
      }
    } catch (cause) {
      throw invalid(this.path, `write: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }

  #object(name: string): Json {
    const value = this.#document[name];
    return isObject(value) ? value : {};
  }
}

function existing(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function hostOf(entry: string): string {
  return entry.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(path: string, why: string): EngineError {
  return new EngineError({
    kind: "failedPrecondition",
    code: "CREDENTIALS_INVALID",
    message: `docker's configuration \`${path}\`: ${why}`,
  });
}
