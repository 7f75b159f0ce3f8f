// What a registry, or the network before it, can do wrong: the right error, and the store as it was.
// timeout: 120 s
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test as bunTest } from "bun:test";
import type { IncomingMessage, ServerResponse } from "node:http";
import { EngineError } from "../../src/core/engine-error.ts";
import type { PulledImage, PullOptions } from "../../src/images/pull-image.ts";
import { archive } from "../contracts/layer-driver.ts";
import { digestOf, FakeRegistry, fail } from "../fakes/fake-registry.ts";
import { failureOf, ImageRoot } from "../support/image-root.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "binary");
const isThere = test === bunTest;
const layer = archive({ path: "hello", data: "hello ".repeat(200_000) });
const small = archive({ path: "small", data: "small" });
const patience = {
  timeouts: { headMs: 300, stallMs: 300, stallBytes: 1024 },
  retries: { attempts: 3, firstMs: 2, mostMs: 5, longestRetryAfterMs: 3_000 },
};
let root: ImageRoot;
let registry: FakeRegistry;
let image: ReturnType<FakeRegistry["addImage"]>;
let stored: readonly string[] = [];

const inStore = (): readonly string[] =>
  root
    .stored()
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .sort();
const pull = (options: PullOptions = {}, name = "box:1"): Promise<PulledImage> =>
  root.images.pull(`${registry.host}/${name}`, { patience, ...options });
const isBlob = (request: IncomingMessage, blob: { readonly digest: string } = { digest: digestOf(layer) }): boolean =>
  request.url === `/v2/box/blobs/${blob.digest}`;

/** Answers each request for the layer by `answer`, which is told the how-manieth it is. */
function spoilLayer(answer: (response: ServerResponse, time: number, request: IncomingMessage) => boolean | undefined): void {
  let time = 0;
  registry.intercept = (request, response) => isBlob(request) && (answer(response, ++time, request) ?? true);
}

/** `fail`, as an interception that has answered. */
function refuse(...args: Parameters<typeof fail>): true {
  fail(...args);
  return true;
}

beforeAll(async () => {
  if (!isThere) return;
  root = new ImageRoot();
  await root.import("kept", { path: "kept", data: "kept" });
});

afterAll(() => {
  if (isThere) root[Symbol.dispose]();
});

beforeEach(async () => {
  if (!isThere) return;
  registry = await FakeRegistry.start();
  image = registry.addImage("box:1", [small, layer]);
  stored = inStore();
});

afterEach(async () => {
  if (!isThere) return;
  await registry[Symbol.asyncDispose]();
  // What a successful pull has left.
  for (const { references } of await root.images.list()) {
    for (const reference of references) if (!reference.startsWith("kept")) await root.images.remove(reference, { force: true });
  }
  expect(inStore()).toEqual(stored);
});

/** A pull that must fail: one line, and nothing left but what garbage collection takes. */
async function fails(code: string, message: RegExp, options: PullOptions = {}, name = "box:1"): Promise<void> {
  const error = await failureOf(pull(options, name));
  expect(error).toBeInstanceOf(EngineError);
  expect({ code: error?.code, message: error?.message }).toEqual({ code, message: expect.stringMatching(message) });
  expect(error?.message).not.toContain("\n");
  const found = await root.images.list();
  expect(found.map(({ references }) => references)).toEqual([["kept:latest"]]);
  // The next pull collects what layers came whole.
  registry.intercept = () => false;
  await failureOf(pull({}, "nosuch:1"));
  expect(inStore()).toEqual(stored);
}

describe("a connection that breaks off", () => {
  test("is resumed where it ended", async () => {
    spoilLayer((response, time) => {
      if (time > 1) return false;
      response.writeHead(200, { "content-length": layer.length });
      response.write(layer.subarray(0, 500_000), () => response.destroy());
      return true;
    });
    await pull();
    const ranges = registry.requests.filter(({ path }) => path.endsWith(digestOf(layer))).map(({ range }) => range);
    expect(ranges).toHaveLength(2);
    expect(ranges[1]).toMatch(/^bytes=[1-9]\d*-$/);
  });

  test("is begun again where the server knows no ranges", async () => {
    spoilLayer((response, time) => {
      response.writeHead(200, { "content-length": layer.length });
      if (time > 1) response.end(layer);
      else response.write(layer.subarray(0, 500_000), () => response.destroy());
      return true;
    });
    await pull();
  });

  test("over and over is given up", async () => {
    spoilLayer((response) => {
      response.writeHead(200, { "content-length": layer.length });
      response.write(layer.subarray(0, 1000), () => response.destroy());
      return true;
    });
    await fails("REGISTRY_UNREACHABLE", /^pull blob `sha256:[0-9a-f]{64}`: the connection to `127\.0\.0\.1:\d+` was cut$/);
  });

  test("by a clean end before all has come is one, too", async () => {
    spoilLayer((response) => {
      response.writeHead(200);
      response.end(layer.subarray(0, 1000));
      return true;
    });
    await fails("REGISTRY_UNREACHABLE", /cut short after 1000 of \d+ bytes$/);
  });

  test("and goes on with another range than asked for is refused", async () => {
    spoilLayer((response, time) => {
      if (time > 1) response.writeHead(206, { "content-range": `bytes 1-2/${layer.length}` }).end("xx");
      else response.writeHead(200, { "content-length": layer.length }).write(layer.subarray(0, 1000), () => response.destroy());
      return true;
    });
    await fails("REGISTRY_PROTOCOL", /another range than asked for$/);
  });
});

describe("content that is not what was promised", () => {
  test("other bytes", async () => {
    spoilLayer((response) => void response.end(Buffer.alloc(layer.length, "x")));
    await fails("BLOB_DIGEST_MISMATCH", /the \d+ bytes received are `sha256:/);
  });

  test.each([
    ["more", 1, "BLOB_TOO_LARGE"],
    ["less", -1, "BLOB_DIGEST_MISMATCH"],
  ])("%s bytes, as the registry itself says", async (_, difference, code) => {
    spoilLayer((response) => void response.end(Buffer.alloc(layer.length + difference)));
    await fails(code, /announced|its manifest says/);
  });

  test("bytes without end", async () => {
    spoilLayer((response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        response.once("drain", more);
      };
      more();
      return true;
    });
    await fails("BLOB_TOO_LARGE", /more than the \d+ bytes announced$/);
  });

  test("a configuration that is another's", async () => {
    registry.blobs.set(image.config.digest, Buffer.alloc(image.config.bytes.length, " "));
    await fails("BLOB_DIGEST_MISMATCH", /^pull blob `sha256:/);
  });

  test("a configuration that names other layers", async () => {
    const config = registry.addBlob(
      Buffer.from(
        JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [digestOf(small), digestOf(small)] } }),
      ),
    );
    const { manifest } = image;
    registry.addManifest("box:1", { ...manifest, config: { ...manifest.config, digest: config.digest, size: config.bytes.length } });
    await fails("LAYER_DIFF_ID_MISMATCH", /damaged or forged/);
  });

  test("a manifest that is not what its digest says", async () => {
    registry.manifests.set(image.digest, { bytes: Buffer.from("{}"), mediaType: "application/json" });
    await fails("BLOB_DIGEST_MISMATCH", /^pull manifest of/, {}, `box@${image.digest}`);
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
    registry.addManifest("box:1", document, mediaType);
    await fails(code, message);
  });

  test("an index that leads to an index leads nowhere", async () => {
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const own = registry.addManifest("box:inner", { schemaVersion: 2, manifests: [] }, mediaType);
    registry.addManifest("box:1", { schemaVersion: 2, manifests: [{ mediaType, digest: own.digest, size: own.bytes.length }] }, mediaType);
    await fails("IMAGE_UNSUPPORTED", /no image manifest$/);
  });
});

describe("a registry in trouble", () => {
  test("is tried again", async () => {
    spoilLayer((response, time) => (time < 3 ? refuse(response, 503, "UNAVAILABLE") : false));
    await pull();
  });

  test("for good is given up", async () => {
    spoilLayer((response) => refuse(response, 500, "UNKNOWN"));
    await fails("REGISTRY_FAILED", /^pull blob `sha256:[0-9a-f]+`: unknown: unknown$/);
  });

  test("that wants a pause gets it", async () => {
    spoilLayer((response, time) => (time < 2 ? refuse(response, 429, "TOOMANYREQUESTS", { "retry-after": "1" }) : false));
    const started = performance.now();
    const news: string[] = [];
    await pull({ onProgress: (event) => event.kind === "retry" && news.push(event.message) });
    expect(performance.now() - started).toBeGreaterThan(990);
    expect(news).toEqual([expect.stringContaining("toomanyrequests")]);
  });

  test("that wants too long a pause is not waited for", async () => {
    spoilLayer((response) => refuse(response, 429, "TOOMANYREQUESTS", { "retry-after": "3600" }));
    await fails("REGISTRY_RATE_LIMITED", /toomanyrequests/);
  });

  test("that never answers is given up", async () => {
    spoilLayer(() => true);
    await fails("REGISTRY_TIMEOUT", /no answer \(waited 0.3 s\)$/);
  });

  test("that sends a byte now and then is given up", async () => {
    spoilLayer((response) => {
      response.writeHead(200, { "content-length": layer.length });
      const timer = setInterval(() => response.write("x"), 20);
      response.once("close", () => clearInterval(timer));
      return true;
    });
    await fails("REGISTRY_TIMEOUT", /the registry sends nothing more/);
  });

  test("whose error is a page without end is given up", async () => {
    spoilLayer((response) => {
      response.writeHead(404);
      const timer = setInterval(() => response.write(Buffer.alloc(65_536)), 1);
      response.once("close", () => clearInterval(timer));
      return true;
    });
    await fails("REGISTRY_NOT_FOUND", /the registry answers 404$/);
  });
});

describe("redirects", () => {
  test("are followed, and credentials stay behind", async () => {
    await using other = await FakeRegistry.start();
    registry.addImage("box:1", [small, layer]);
    other.intercept = (_, response) => {
      response.end(layer);
      return true;
    };
    registry.intercept = (request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="a, \\"b\\""' }).end();
        return true;
      }
      if (!isBlob(request)) return false;
      response.writeHead(307, { location: `http://${other.host}/elsewhere?signature=x` }).end();
      return true;
    };
    await pull({ credentials: async () => ({ username: "jane", password: "secret" }) });
    expect(other.requests).toEqual([{ method: "GET", path: "/elsewhere?signature=x", authorization: undefined, range: undefined }]);
    expect(registry.requests.some(({ authorization }) => authorization?.startsWith("Basic ") === true)).toBe(true);
  });

  test("without end are given up", async () => {
    spoilLayer((response, _, request) => void response.writeHead(302, { location: request.url ?? "" }).end());
    await fails("REGISTRY_PROTOCOL", /more than 5 redirects$/);
  });

  test("to what is no web address are refused", async () => {
    spoilLayer((response) => void response.writeHead(302, { location: "file:///etc/passwd" }).end());
    await fails("REGISTRY_PROTOCOL", /no web address$/);
  });
});

describe("tokens", () => {
  /** Wants a token for everything, which holds for `uses` requests. */
  function useTokens(uses: number, grant: (request: IncomingMessage, response: ServerResponse, token: string) => void): void {
    let token = 0;
    let left = 0;
    registry.intercept = (request, response) => {
      if (request.url?.startsWith("/token") === true) {
        left = uses;
        grant(request, response, `t${++token}`);
        return true;
      }
      if (request.headers.authorization === `Bearer t${token}` && left-- > 0) return false;
      const realm = `Bearer realm="http://${registry.host}/token",service="the, service",scope="repository:box:pull"`;
      response.writeHead(401, { "www-authenticate": `Basic realm="x", ${realm}` }).end();
      return true;
    };
  }

  test("are fetched with name and password, and again when they end in between", async () => {
    useTokens(1, (_, response, token) => void response.end(JSON.stringify({ token, expires_in: 300 })));
    await pull({ credentials: async () => ({ username: "jane", password: "secret" }), parallel: 1 });
    const asked = registry.requests.filter(({ path }) => path.startsWith("/token"));
    expect(asked.length).toBeGreaterThanOrEqual(4);
    expect(asked[0]).toMatchObject({
      path: "/token?service=the%2C+service&scope=repository%3Abox%3Apull&account=jane",
      authorization: `Basic ${Buffer.from("jane:secret").toString("base64")}`,
    });
  });

  test("are fetched once for layers in parallel", async () => {
    useTokens(1000, (_, response, token) => void response.end(JSON.stringify({ access_token: token })));
    await pull();
    expect(registry.requests.filter(({ path }) => path.startsWith("/token"))).toHaveLength(1);
  });

  test("are fetched by a refresh token", async () => {
    useTokens(1000, (request, response, token) => {
      let form = "";
      request.on("data", (chunk) => (form += String(chunk)));
      request.on("end", () => {
        const fields = Object.fromEntries(new URLSearchParams(form));
        expect(fields).toEqual({
          grant_type: "refresh_token",
          service: "the, service",
          client_id: "wherry",
          refresh_token: "r",
          scope: "repository:box:pull",
        });
        response.end(JSON.stringify({ access_token: token }));
      });
    });
    await pull({ credentials: async () => ({ identityToken: "r" }) });
  });

  test.each<[string, string, string, RegExp]>([
    ["no JSON", "<html>", "REGISTRY_PROTOCOL", /not JSON$/],
    ["no token", "{}", "REGISTRY_PROTOCOL", /holds no token$/],
    ["a token that would be another header", '{"token":"a\\r\\nX: y"}', "REGISTRY_PROTOCOL", /holds no token$/],
  ])("an answer with %s", async (_, body, code, message) => {
    useTokens(1, (_request, response) => void response.end(body));
    await fails(code, message);
  });

  test("a service that refuses is told in one line", async () => {
    useTokens(1, (_, response) => void response.writeHead(401).end('{"details":"incorrect username or password"}'));
    await fails("REGISTRY_UNAUTHORIZED", /^pull access denied for .*: incorrect username or password$/);
  });
});

describe("a pull that is aborted", () => {
  test("ends at once and leaves nothing", async () => {
    const controller = new AbortController();
    let begun = false;
    spoilLayer((response) => {
      response.writeHead(200, { "content-length": layer.length });
      response.write(layer.subarray(0, 100_000), () => (begun = true));
      return true;
    });
    const reason = new EngineError({ kind: "cancelled", code: "TRANSFER_CANCELLED", message: "pull cancelled" });
    const pulling = failureOf(pull({ signal: controller.signal, patience: { retries: patience.retries } }));
    await poll("the layer is on its way", () => begun);
    controller.abort(reason);
    expect(await pulling).toBe(reason);
    registry.intercept = () => false;
    await failureOf(pull({}, "nosuch:1"));
    expect(inStore()).toEqual(stored);
  });
});
