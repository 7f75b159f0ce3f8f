import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { FakeRegistry } from "../../test/fakes/fake-registry.ts";
import { type ClientOptions, RegistryClient } from "./registry-client.ts";
import type { RegistryEndpoint } from "./registry-endpoint.ts";
import { Repository } from "./repository.ts";

let registry: FakeRegistry;
let clients: RegistryClient[];

beforeEach(async () => {
  registry = await FakeRegistry.start();
  registry.addImage("box:1", [Buffer.from("layer")]);
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client[Symbol.dispose]();
  await registry[Symbol.asyncDispose]();
});

const endpoint = (url: string, more: Partial<RegistryEndpoint> = {}): RegistryEndpoint => ({
  url,
  tls: {},
  insecure: true,
  mirror: false,
  ...more,
});
const retries = { attempts: 2, firstMs: 1, mostMs: 2, longestRetryAfterMs: 10 };

function repository(endpoints: readonly RegistryEndpoint[], options: Partial<ClientOptions> = {}): Repository {
  const client = new RegistryClient({ host: { name: "test", endpoints }, retries, ...options });
  clients.push(client);
  return new Repository(client, "box");
}

describe("endpoints", () => {
  test("HTTPS is left where only HTTP is spoken, once for all", async () => {
    const box = repository([endpoint(`https://${registry.host}`), endpoint(`http://${registry.host}`)]);
    const [first, second] = await Promise.all([box.manifest("1"), box.manifest("1")]);
    expect(first.digest).toBe(second.digest);
    expect(box.client.endpoint.url).toBe(`http://${registry.host}`);
  });

  test("plain HTTP is not spoken with a registry that is not insecure", async () => {
    const box = repository([endpoint(`https://${registry.host}`, { insecure: false })]);
    expect(await box.manifest("1").catch((error: unknown) => error)).toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      message: expect.stringContaining('does not speak HTTPS; plain HTTP needs an entry in "insecure-registries"'),
    });
    expect(registry.requests).toEqual([]);
  });

  test("a mirror that does not have it is left, and gets no credentials", async () => {
    await using mirror = await FakeRegistry.start();
    mirror.intercept = (request, response) => {
      response.writeHead(401, { "www-authenticate": "Basic realm=x" }).end();
      return request !== undefined;
    };
    const credentials = { username: "jane", password: "secret" };
    const box = repository([endpoint(`http://${mirror.host}`, { mirror: true }), endpoint(`http://${registry.host}`)], { credentials });
    await box.manifest("1");
    expect(mirror.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  test("uploads pass mirrors by", () => {
    const box = repository([endpoint("http://mirror", { mirror: true }), endpoint(`http://${registry.host}`)]);
    box.client.leaveMirrors();
    expect(box.client.endpoint.url).toBe(`http://${registry.host}`);
  });
});

describe("a registry that speaks HTTPS", () => {
  // As such a one, though the test's own speaks plain HTTP.
  const secure = (): Repository =>
    repository([endpoint(`http://${registry.host}`, { insecure: false })], { credentials: { username: "jane", password: "secret" } });

  test("leads nowhere in clear text, and not to this machine", async () => {
    await using local = await FakeRegistry.start();
    registry.intercept = (_, response) => {
      response.writeHead(302, { location: `http://${local.host}/admin` }).end();
      return true;
    };
    expect(
      await secure()
        .manifest("1")
        .catch((error: unknown) => error),
    ).toMatchObject({
      code: "REGISTRY_PROTOCOL",
      message: expect.stringContaining("without HTTPS"),
    });
    expect(local.requests).toEqual([]);
  });

  test("does not send credentials to a token service in clear text", async () => {
    await using local = await FakeRegistry.start();
    registry.intercept = (_, response) => {
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${local.host}/token"` }).end();
      return true;
    };
    expect(
      await secure()
        .manifest("1")
        .catch((error: unknown) => error),
    ).toMatchObject({
      code: "REGISTRY_PROTOCOL",
      message: expect.stringContaining("does not speak HTTPS"),
    });
    expect(local.requests).toEqual([]);
  });
});

describe("lists", () => {
  test("are read page by page, on the same server only", async () => {
    registry.intercept = (request, response) => {
      const last = new URL(request.url ?? "", "http://x").searchParams.get("last");
      const next = { "": "a", a: "b", b: undefined }[last ?? ""];
      const link = next === undefined ? 'http://elsewhere.example/x>; rel="next"' : `/v2/box/tags/list?last=${next}&n=1>; rel="next"`;
      response.setHeader("link", `<${link}`);
      response.end(JSON.stringify({ name: "box", tags: [`tag-${last ?? ""}`, "bad tag", 7] }));
      return true;
    };
    expect(await repository([endpoint(`http://${registry.host}`)]).tags()).toEqual(["tag-", "tag-a", "tag-b"]);
  });

  test("without end are given up", async () => {
    registry.intercept = (_, response) => {
      response.setHeader("link", '</v2/box/tags/list?n=1>; rel="next"');
      response.end('{"tags":["1"]}');
      return true;
    };
    expect(
      await repository([endpoint(`http://${registry.host}`)])
        .tags()
        .catch((error: unknown) => error),
    ).toMatchObject({
      code: "REGISTRY_PROTOCOL",
      message: expect.stringContaining("more than 1000 pages"),
    });
  });
});

describe("proxies", () => {
  let proxy: Server;
  const seen: string[] = [];

  beforeEach(async () => {
    seen.length = 0;
    proxy = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"] ?? ""}`);
      response.writeHead(200, { "content-type": "application/vnd.oci.image.manifest.v1+json" }).end("{}");
    });
    proxy.on("connect", (request, socket) => {
      seen.push(`CONNECT ${request.url} ${request.headers["proxy-authorization"] ?? ""}`);
      if (request.headers["proxy-authorization"] === undefined) return void socket.end("HTTP/1.1 407 Authenticate\r\n\r\n");
      const [host = "", port = ""] = registry.host.split(":");
      const through = connect(Number(port), host, () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
      through.pipe(socket).pipe(through);
      for (const end of [through, socket]) end.on("error", () => undefined);
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
  });

  afterEach(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await once(proxy, "close");
  });

  const address = (): string => `127.0.0.1:${(proxy.address() as AddressInfo).port}`;

  test("get whole URLs of plain requests", async () => {
    const box = repository([endpoint("http://registry.example:5000")], { env: { HTTP_PROXY: `http://jane:secret@${address()}` } });
    await box.manifest("1");
    expect(seen).toEqual([`GET http://registry.example:5000/v2/box/manifests/1 Basic ${Buffer.from("jane:secret").toString("base64")}`]);
  });

  test("make tunnels for HTTPS", async () => {
    const options = { env: { HTTPS_PROXY: `http://jane:secret@${address()}` } };
    // What answers at the tunnel's end speaks plain HTTP, which the client notices through the tunnel.
    const error = await repository([endpoint("https://registry.example", { insecure: false })], options)
      .manifest("1")
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    expect(seen[0]).toBe(`CONNECT registry.example:443 Basic ${Buffer.from("jane:secret").toString("base64")}`);
  });

  test("that refuse are named", async () => {
    const options = { env: { HTTPS_PROXY: `http://${address()}` } };
    const error = await repository([endpoint("https://registry.example")], options)
      .manifest("1")
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining(`the proxy \`${address()}\` answers 407 to CONNECT`) });
  });
});
