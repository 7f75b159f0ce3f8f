import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { makeTestDirectory, wherryProgram } from "./wherry-host.ts";

const hostFiles = ["passwd", "group", "subuid", "subgid"] as const;

/**
 * A user without any rights, for programs of a test: in a mount namespace where /etc knows him and gives him further ids, so that the machine
 * itself need not.
 */
export class RootlessUser {
  readonly uid = 12345;
  readonly subIds = { first: 100_000, count: 65_536 };
  /** His own, with `home` and `run` in it. */
  readonly directory: string;
  /** A program that is `wherry oci` run by him; it takes runc's arguments. */
  readonly runtime: string;
  readonly #as: string;

  constructor(topic: string) {
    this.directory = makeTestDirectory(topic);
    chmodSync(this.directory, 0o755);
    for (const name of ["home", "run", "etc", "dist"]) mkdirSync(`${this.directory}/${name}`, { mode: 0o700 });
    this.#writeHostFiles();
    // Where he may not go, the programs are brought to him.
    const dist = wherryProgram.slice(0, wherryProgram.lastIndexOf("/"));
    const mounts = hostFiles.map((name) => `mount --bind ${this.directory}/etc/${name} /etc/${name}`);
    const drop = `setpriv --reuid ${this.uid} --regid ${this.uid} --clear-groups --inh-caps=-all`;
    const environment = `env -i HOME=${this.directory}/home XDG_RUNTIME_DIR=${this.directory}/run PATH="$PATH"`;
    this.#as = this.#script("as", [...mounts, `mount --bind ${dist} ${this.directory}/dist`, `exec ${drop} ${environment} "$@"`]);
    this.runtime = this.#script("runtime", [`exec ${this.#as} ${this.directory}/dist/wherry oci "$@"`]);
    this.own(this.directory);
  }

  /** The words before a command line that make it his. */
  get prefix(): readonly string[] {
    return [this.#as];
  }

  /** Gives him a tree of files. */
  own(path: string): void {
    execFileSync("chown", ["-R", `${this.uid}:${this.uid}`, path]);
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #writeHostFiles(): void {
    const own = {
      passwd: `${readFileSync("/etc/passwd", "utf8")}wherry-test:x:${this.uid}:${this.uid}::${this.directory}/home:/bin/sh\n`,
      group: `${readFileSync("/etc/group", "utf8")}wherry-test:x:${this.uid}:\n`,
      subuid: `wherry-test:${this.subIds.first}:${this.subIds.count}\n`,
      subgid: `wherry-test:${this.subIds.first}:${this.subIds.count}\n`,
    };
    for (const name of hostFiles) writeFileSync(`${this.directory}/etc/${name}`, own[name]);
  }

  /** Runs in a mount namespace of its own, as root. */
  #script(name: string, lines: readonly string[]): string {
    const path = `${this.directory}/${name}`;
    const inside = `if [ "$WHERRY_TEST_INSIDE" != 1 ]; then WHERRY_TEST_INSIDE=1 exec unshare --mount "$0" "$@"; fi`;
    writeFileSync(path, `#!/bin/sh -e\n${name === "as" ? `${inside}\n` : ""}${lines.join("\n")}\n`, { mode: 0o755 });
    return path;
  }
}
