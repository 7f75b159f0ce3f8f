import { afterAll, afterEach, beforeAll, beforeEach, expect } from "bun:test";
import type { IncomingMessage, ServerResponse } from "node:http";
import { EngineError } from "../../src/core/engine-error.ts";
import type { PulledImage, PullOptions } from "../../src/images/pull-image.ts";
import { archive } from "../contracts/layer-driver.ts";
import { digestOf, FakeRegistry } from "../fakes/fake-registry.ts";
import { failureOf, ImageRoot } from "./image-root.ts";

const retries = { attempts: 3, firstMs: 2, mostMs: 5, longestRetryAfterMs: 3_000 };

/** Of a pull that does not wait long between its tries. */
export const patience = { retries };

/** Of one that does not wait long for the registry either; a loaded machine is slow, too. */
export const impatience = { retries, timeouts: { headMs: 300, stallMs: 300, stallBytes: 1024 } };

export const small = archive({ path: "small", data: "small" });
export const layer = archive({ path: "hello", data: "hello ".repeat(200_000) });

/** A registry with the image `box:1` of the layers `small` and `layer`, and a store with an image of its own that must stay as it is. */
export class PullTrial implements AsyncDisposable {
  readonly root: ImageRoot;
  readonly registry: FakeRegistry;
  readonly image: ReturnType<FakeRegistry["addImage"]>;
  readonly #stored: readonly string[];

  private constructor(root: ImageRoot, registry: FakeRegistry) {
    this.root = root;
    this.registry = registry;
    this.image = registry.addImage("box:1", [small, layer]);
    this.#stored = this.#inStore();
  }

  /** @param root with the one image `kept`. */
  static async begin(root: ImageRoot): Promise<PullTrial> {
    return new PullTrial(root, await FakeRegistry.start());
  }

  pull(options: PullOptions = {}, name = "box:1"): Promise<PulledImage> {
    return this.root.images.pull(`${this.registry.host}/${name}`, { patience, ...options });
  }

  isLayer(request: IncomingMessage): boolean {
    return request.url === `/v2/box/blobs/${digestOf(layer)}`;
  }

  /** Answers each request for the layer by `answer`, which is told the how-manieth it is; false leaves it to the registry. */
  spoilLayer(answer: (response: ServerResponse, time: number, request: IncomingMessage) => unknown): void {
    let time = 0;
    this.registry.intercept = (request, response) => this.isLayer(request) && answer(response, ++time, request) !== false;
  }

  /** A pull that must fail: one line, and nothing left but what garbage collection takes. */
  async fails(code: string, message: RegExp, options: PullOptions = {}, name = "box:1"): Promise<void> {
    const error = await failureOf(this.pull(options, name));
    expect(error).toBeInstanceOf(EngineError);
    expect({ code: error?.code, message: error?.message }).toEqual({ code, message: expect.stringMatching(message) });
    expect(error?.message).not.toContain("\n");
    await this.expectUntouched();
  }

  /** The next pull has collected what layers came whole; then the store is as it was. */
  async expectUntouched(): Promise<void> {
    const found = await this.root.images.list();
    expect(found.map(({ references }) => references)).toEqual([["kept:latest"]]);
    this.registry.intercept = () => false;
    await failureOf(this.pull({}, "nosuch:1"));
    expect(this.#inStore()).toEqual(this.#stored);
  }

  #inStore(): readonly string[] {
    return this.root
      .stored()
      .map((entry) => `${entry.parentPath}/${entry.name}`)
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry[Symbol.asyncDispose]();
    // What a successful pull has left.
    const { images } = this.root;
    for (const { references } of await images.list()) {
      for (const reference of references) if (!reference.startsWith("kept")) await images.remove(reference, { force: true });
    }
    expect(this.#inStore()).toEqual(this.#stored);
  }
}

/** A trial of its own for each test of the file; undefined while the file's tests are skipped. */
export function usePullTrials(isThere: boolean): () => PullTrial {
  let root: ImageRoot | undefined;
  let trial: PullTrial | undefined;
  beforeAll(async () => {
    if (!isThere) return;
    root = new ImageRoot();
    await root.import("kept", { path: "kept", data: "kept" });
  });
  beforeEach(async () => {
    if (root !== undefined) trial = await PullTrial.begin(root);
  });
  afterEach(async () => {
    await trial?.[Symbol.asyncDispose]();
  });
  afterAll(() => root?.[Symbol.dispose]());
  return () => {
    if (trial === undefined) throw new Error("there is no trial outside a test");
    return trial;
  };
}
