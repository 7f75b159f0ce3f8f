// timeout: 240 s
// Images of many layers, made as people make them: by committing again and again. With `lowerdir+` (Linux 6.8) each layer is an option of its
// own; before, all of them share one string, which fsconfig(2) ends at 255 bytes and mount(2) at a page.
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { createEngine } from "../../src/engine/create-engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { ContainerOptions } from "../../src/spec/container-options.ts";
import { slowness } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "overlayfs", "launcher", "user-namespaces");
const host = useWherryHost("many-layers");

/** In one string, by their short names, 60 layers take 169 bytes and 120 take 369. */
const depths = [60, 120];

describe("an image made by committing", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = createEngine({ root: host.root, runRoot: host.runRoot });
    await engine.images.ensureBase();
    let image = "base";
    for (let layer = 1; layer < Math.max(...depths); layer++) {
      // Each layer adds a file, replaces the one that all have and deletes the one of its predecessor's predecessor.
      const script = `echo ${layer} > /layer-${layer}; echo ${layer} > /latest; rm -f /layer-${layer - 2}`;
      expect(await output({ image, command: ["sh", "-c", script], name: "maker" }, { keep: true })).toBe("");
      image = `deep:${layer + 1}`;
      await engine.images.commit("maker", { reference: image });
      await engine.containers.remove("maker");
    }
  }, 100_000 * Math.min(slowness, 2));
  afterAll(() => engine[Symbol.asyncDispose]());

  async function output(options: ContainerOptions, { keep = false } = {}): Promise<string> {
    const { streams } = await engine.containers.run(
      { ...options, autoRemove: !keep },
      { attach: { stdin: false, stdout: true, stderr: true } },
    );
    const chunks: Uint8Array[] = [];
    streams?.onOutput((chunk) => {
      chunks.push(chunk.bytes);
    });
    await streams?.exited;
    return Buffer.concat(chunks).toString();
  }

  for (const depth of depths) {
    const made = depth - 1;
    const seen = `${made}\n/layer-${made - 1}\n/layer-${made}\n`;
    const command = ["sh", "-c", `cat /latest; ls -d /layer-* | sort; rm /layer-${made} && [ ! -e /layer-${made} ]`];

    test(`of ${depth} layers has that many`, async () => {
      expect((await engine.images.inspect(`deep:${depth}`)).layers).toHaveLength(depth);
    });
    test(`of ${depth} layers shows what each has left`, async () => {
      expect(await output({ image: `deep:${depth}`, command })).toBe(seen);
    });
    test(`of ${depth} layers shows the same in a user namespace`, async () => {
      expect(await output({ image: `deep:${depth}`, command, namespaces: { user: "auto" } })).toBe(seen);
    });
  }
});
