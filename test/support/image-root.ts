import { spawnSync } from "node:child_process";
import { type Dirent, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { ContentStore } from "../../src/content/content-store.ts";
import type { HostPath, ImageId } from "../../src/core/brands.ts";
import type { ImageHost } from "../../src/images/image-host.ts";
import { ImageStore } from "../../src/images/image-store.ts";
import { removeTree } from "../../src/kernel/remove-tree.ts";
import { testLayers, unmountAllLayers } from "./test-layers.ts";
import { openStore, type Store } from "../../src/state/store.ts";
import { archive, type Member } from "../contracts/layer-driver.ts";
import { repository } from "./host-features.ts";
import { makeTestDirectory } from "./wherry-host.ts";

export const launcher = `${repository}/dist/launcher`;

export async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}

/** Runs a program that must succeed, and returns its output. */
export function run(command: string, ...args: readonly string[]): string {
  const done = spawnSync(command, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${done.stderr}`);
  return done.stdout;
}

/** What a promise is rejected with, or undefined. */
export function failureOf(promise: Promise<unknown>): Promise<(Error & { code?: string }) | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => error as Error & { code?: string },
  );
}

/** The image store of a data root of its own, with nothing above it. */
export class ImageRoot implements Disposable {
  /** For a test's own files. */
  readonly base = makeTestDirectory("images");
  readonly root = `${this.base}/root`;
  #store: Store;
  host: ImageHost;
  images: ImageStore;

  constructor() {
    mkdirSync(this.root);
    [this.#store, this.host, this.images] = this.#open();
  }

  #open(): [Store, ImageHost, ImageStore] {
    const store = openStore(this.root);
    const host = { root: this.root, store, launcher, content: new ContentStore(this.root), layers: testLayers(this.root) };
    return [store, host, new ImageStore(host)];
  }

  /** Opens everything again, as after something was mounted on `root`. */
  reopen(): void {
    [this.#store, this.host, this.images] = this.#open();
  }

  close(): void {
    this.#store[Symbol.dispose]();
  }

  import(reference: string, ...members: readonly Member[]): Promise<ImageId> {
    return this.images.import(chunks(archive(...members)), { reference });
  }

  /** Files beneath `content/` and `layers/`. */
  stored(): Dirent[] {
    return ["content", "layers"].flatMap((name) => {
      try {
        return readdirSync(`${this.root}/${name}`, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
      } catch {
        return [];
      }
    });
  }

  /** Mounts an overlay on the image at `merged`, changes it by a shell script, and returns what `then` makes of it. */
  async changed<Result>(
    reference: string,
    script: string,
    then: (stack: { readonly upper: HostPath; readonly lowers: readonly HostPath[] }) => Promise<Result>,
  ): Promise<Result> {
    const lowers = this.host.layers.lowers(this.images.resolve(reference).diffIds);
    const { base } = this;
    for (const name of ["upper", "work", "merged", "links"]) {
      rmSync(`${base}/${name}`, { recursive: true, force: true });
      mkdirSync(`${base}/${name}`);
    }
    for (const [index, lower] of lowers.entries()) symlinkSync(lower, `${base}/links/${index}`);
    const lowerdir = lowers.map((_, index) => `${base}/links/${index}`).join(":");
    run("mount", "-t", "overlay", "overlay", "-o", `lowerdir=${lowerdir},upperdir=${base}/upper,workdir=${base}/work`, this.merged);
    try {
      run("sh", "-ec", `cd ${this.merged}\n${script}`);
      return await then({ upper: `${base}/upper` as HostPath, lowers });
    } finally {
      run("umount", this.merged);
    }
  }

  get merged(): string {
    return `${this.base}/merged`;
  }

  [Symbol.dispose](): void {
    this.close();
    unmountAllLayers(`${this.root}-run`);
    removeTree(launcher, this.base as HostPath);
  }
}
