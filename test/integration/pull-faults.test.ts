// What a registry, or the network before it, can do wrong: the right error, and the store as it was.
// timeout: 120 s
import { describe, expect, test as bunTest } from "bun:test";
import { EngineError } from "../../src/core/engine-error.ts";
import { digestOf, fail } from "../fakes/fake-registry.ts";
import { failureOf } from "../support/image-root.ts";
import { poll } from "../support/poll.ts";
import { impatience, layer, small, usePullTrials } from "../support/pull-trial.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "binary");
const trial = usePullTrials(test === bunTest);

describe("a connection that breaks off", () => {
  test("is resumed where it ended", async () => {
    trial().spoilLayer((response, time) => {
      if (time > 1) return false;
      response.writeHead(200, { "content-length": layer.length });
      response.write(layer.subarray(0, 500_000), () => response.destroy());
      return true;
    });
    await trial().pull();
    const ranges = trial()
      .registry.requests.filter(({ path }) => path.endsWith(digestOf(layer)))
      .map(({ range }) => range);
    expect(ranges).toHaveLength(2);
    expect(ranges[1]).toMatch(/^bytes=[1-9]\d*-$/);
  });

  test("is begun again where the server knows no ranges", async () => {
    trial().spoilLayer((response, time) => {
      response.writeHead(200, { "content-length": layer.length });
      if (time > 1) response.end(layer);
      else response.write(layer.subarray(0, 500_000), () => response.destroy());
      return true;
    });
    await trial().pull();
  });

  test("over and over is given up", async () => {
    trial().spoilLayer((response) => {
      response.writeHead(200, { "content-length": layer.length });
      response.write(layer.subarray(0, 1000), () => response.destroy());
      return true;
    });
    await trial().fails("REGISTRY_UNREACHABLE", /^pull blob `sha256:[0-9a-f]{64}`: the connection to `127\.0\.0\.1:\d+` was cut$/);
  });

  test("by a clean end before all has come is one, too", async () => {
    trial().spoilLayer((response) => {
      response.writeHead(200);
      response.end(layer.subarray(0, 1000));
      return true;
    });
    await trial().fails("REGISTRY_UNREACHABLE", /cut short after 1000 of \d+ bytes$/);
  });

  test("and goes on with another range than asked for is refused", async () => {
    trial().spoilLayer((response, time) => {
      if (time > 1) response.writeHead(206, { "content-range": `bytes 1-2/${layer.length}` }).end("xx");
      else response.writeHead(200, { "content-length": layer.length }).write(layer.subarray(0, 1000), () => response.destroy());
      return true;
    });
    await trial().fails("REGISTRY_PROTOCOL", /another range than asked for$/);
  });
});

describe("content that is not what was promised", () => {
  test("other bytes", async () => {
    trial().spoilLayer((response) => void response.end(Buffer.alloc(layer.length, "x")));
    await trial().fails("BLOB_DIGEST_MISMATCH", /the \d+ bytes received are `sha256:/);
  });

  test.each([
    ["more", 1, "BLOB_TOO_LARGE"],
    ["less", -1, "BLOB_DIGEST_MISMATCH"],
  ])("%s bytes, as the registry itself says", async (_, difference, code) => {
    trial().spoilLayer((response) => void response.end(Buffer.alloc(layer.length + difference)));
    await trial().fails(code, /announced|its manifest says/);
  });

  test("bytes without end", async () => {
    trial().spoilLayer((response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        response.once("drain", more);
      };
      more();
      return true;
    });
    await trial().fails("BLOB_TOO_LARGE", /more than the \d+ bytes announced$/);
  });

  test("a configuration that is another's", async () => {
    trial().registry.blobs.set(trial().image.config.digest, Buffer.alloc(trial().image.config.bytes.length, " "));
    await trial().fails("BLOB_DIGEST_MISMATCH", /^pull blob `sha256:/);
  });

  test("a configuration that names other layers", async () => {
    const config = trial().registry.addBlob(
      Buffer.from(
        JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [digestOf(small), digestOf(small)] } }),
      ),
    );
    const { manifest } = trial().image;
    trial().registry.addManifest("box:1", {
      ...manifest,
      config: { ...manifest.config, digest: config.digest, size: config.bytes.length },
    });
    await trial().fails("LAYER_DIFF_ID_MISMATCH", /damaged or forged/);
  });

  test("a manifest that is not what its digest says", async () => {
    trial().registry.manifests.set(trial().image.digest, { bytes: Buffer.from("{}"), mediaType: "application/json" });
    await trial().fails("BLOB_DIGEST_MISMATCH", /^pull manifest of/, {}, `box@${trial().image.digest}`);
  });
});

describe("manifests", () => {
  test.each<[string, Buffer | object, string, string, RegExp]>([
    ["a web page", Buffer.from("<html>"), "text/html", "IMAGE_INVALID", /not JSON/],
    ["nothing", Buffer.alloc(0), "application/json", "IMAGE_INVALID", /not JSON/],
    [
      "schema 1",
      { schemaVersion: 1, name: "x" },
      "application/vnd.docker.distribution.manifest.v1+prettyjws",
      "IMAGE_UNSUPPORTED",
      /schema 1/,
    ],
    [
      "a manifest that says it is an index",
      { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] },
      "application/vnd.oci.image.manifest.v1+json",
      "IMAGE_INVALID",
      /manifest/,
    ],
    [
      "too many layers",
      { schemaVersion: 2, config: {}, layers: Array.from({ length: 9999 }, () => ({})) },
      "application/vnd.oci.image.manifest.v1+json",
      "IMAGE_INVALID",
      /9999 layers/,
    ],
    [
      "longer than 4 MiB",
      Buffer.alloc(4 * 1024 * 1024 + 1, " "),
      "application/vnd.oci.image.manifest.v1+json",
      "REGISTRY_PROTOCOL",
      /longer than 4194304 bytes/,
    ],
    [
      "an empty index",
      { schemaVersion: 2, manifests: [] },
      "application/vnd.oci.image.index.v1+json",
      "PLATFORM_NOT_FOUND",
      /no matching manifest for linux/,
    ],
  ])("%s", async (_, document, mediaType, code, message) => {
    trial().registry.addManifest("box:1", document, mediaType);
    await trial().fails(code, message);
  });

  const nest = (depth: number) => {
    const { registry, image } = trial();
    const platform = { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch };
    let inner = {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: image.digest,
      size: registry.manifests.get(image.digest)?.bytes.length ?? 0,
    };
    for (let level = 0; level < depth; level++) {
      const mediaType = "application/vnd.oci.image.index.v1+json";
      const { digest, bytes } = registry.addManifest(
        level === depth - 1 ? "box:1" : `box:level-${level}`,
        { schemaVersion: 2, mediaType, manifests: [{ ...inner, platform }] },
        mediaType,
      );
      inner = { mediaType, digest, size: bytes.length };
    }
  };

  test("an index that leads to an index is followed, as containerd does", async () => {
    nest(3);
    await trial().pull();
  });

  test("five deep, no deeper", async () => {
    nest(6);
    await trial().fails("IMAGE_UNSUPPORTED", /more than 5 deep$/);
  });
});

describe("a registry in trouble", () => {
  test("is tried again", async () => {
    trial().spoilLayer((response, time) => (time < 3 ? fail(response, 503, "UNAVAILABLE") : false));
    await trial().pull();
  });

  test("for good is given up", async () => {
    trial().spoilLayer((response) => fail(response, 500, "UNKNOWN"));
    await trial().fails("REGISTRY_FAILED", /^pull blob `sha256:[0-9a-f]+`: unknown: unknown$/);
  });

  test("that wants a pause gets it", async () => {
    trial().spoilLayer((response, time) => (time < 2 ? fail(response, 429, "TOOMANYREQUESTS", { "retry-after": "1" }) : false));
    const started = performance.now();
    const news: string[] = [];
    await trial().pull({ onProgress: (event) => event.kind === "retry" && news.push(event.message) });
    expect(performance.now() - started).toBeGreaterThan(990);
    expect(news).toEqual([expect.stringContaining("toomanyrequests")]);
  });

  test("that wants too long a pause is not waited for", async () => {
    trial().spoilLayer((response) => fail(response, 429, "TOOMANYREQUESTS", { "retry-after": "3600" }));
    await trial().fails("REGISTRY_RATE_LIMITED", /toomanyrequests/);
  });

  test("that never answers is given up", async () => {
    trial().spoilLayer(() => true);
    await trial().fails("REGISTRY_TIMEOUT", /no answer \(waited 0.3 s\)$/, { patience: impatience });
  });

  test("that sends a byte now and then is given up", async () => {
    trial().spoilLayer((response) => {
      response.writeHead(200, { "content-length": layer.length });
      const timer = setInterval(() => response.write("x"), 20);
      response.once("close", () => clearInterval(timer));
      return true;
    });
    await trial().fails("REGISTRY_TIMEOUT", /the registry sends nothing more/, { patience: impatience });
  });

  test("whose error is a page without end is given up", async () => {
    trial().spoilLayer((response) => {
      response.writeHead(404);
      const timer = setInterval(() => response.write(Buffer.alloc(65_536)), 1);
      response.once("close", () => clearInterval(timer));
      return true;
    });
    await trial().fails("REGISTRY_NOT_FOUND", /the registry answers 404$/);
  });
});

describe("a pull that is aborted", () => {
  test("ends at once and leaves nothing", async () => {
    const controller = new AbortController();
    let begun = false;
    trial().spoilLayer((response) => {
      response.writeHead(200, { "content-length": layer.length });
      response.write(layer.subarray(0, 100_000), () => (begun = true));
      return true;
    });
    const reason = new EngineError({ kind: "cancelled", code: "TRANSFER_CANCELLED", message: "pull cancelled" });
    const pulling = failureOf(trial().pull({ signal: controller.signal }));
    await poll("the layer is on its way", () => begun);
    controller.abort(reason);
    expect(await pulling).toBe(reason);
    await trial().expectUntouched();
  });
});
