// Who is told what: credentials stay with their registry and its token service, whatever redirects and challenges say.
// timeout: 120 s
import { describe, expect, test as bunTest } from "bun:test";
import type { IncomingMessage, ServerResponse } from "node:http";
import { FakeRegistry, fail } from "../fakes/fake-registry.ts";
import { layer, small, usePullTrials } from "../support/pull-trial.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "binary");
const trial = usePullTrials(test === bunTest);

describe("redirects", () => {
  test("are followed, and credentials stay behind", async () => {
    await using other = await FakeRegistry.start();
    trial().registry.addImage("box:1", [small, layer]);
    other.intercept = (_, response) => {
      response.end(layer);
      return true;
    };
    trial().registry.intercept = (request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="a, \\"b\\""' }).end();
        return true;
      }
      if (!trial().isLayer(request)) return false;
      response.writeHead(307, { location: `http://${other.host}/elsewhere?signature=x` }).end();
      return true;
    };
    await trial().pull({ credentials: async () => ({ username: "jane", password: "secret" }) });
    expect(other.requests).toEqual([{ method: "GET", path: "/elsewhere?signature=x", authorization: undefined, range: undefined }]);
    expect(trial().registry.requests.some(({ authorization }) => authorization?.startsWith("Basic ") === true)).toBe(true);
  });

  // CVE-2020-15157: the other host asks for the credentials, and names a token service of its own.
  test("to a host that asks who comes get no credentials there either", async () => {
    await using other = await FakeRegistry.start();
    other.intercept = (request, response) => {
      if (request.url?.startsWith("/token") === true) response.end('{"token":"t"}');
      else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${other.host}/token",service="x"` }).end();
      return true;
    };
    trial().spoilLayer((response) => void response.writeHead(307, { location: `http://${other.host}/blob` }).end());
    const credentials = async () => ({ username: "jane", password: "secret" });
    await trial().fails("REGISTRY_UNAUTHORIZED", /^pull blob `sha256:/, { credentials });
    expect(other.requests.map(({ path, authorization }) => ({ path, authorization }))).toEqual([
      { path: "/blob", authorization: undefined },
    ]);
  });

  test("that a manifest names beside its layers (`urls`) are not followed", async () => {
    await using other = await FakeRegistry.start();
    const { manifest } = trial().image;
    const layers = manifest.layers.map((entry) => ({ ...entry, urls: [`http://${other.host}/blob`] }));
    trial().registry.addManifest("box:1", { ...manifest, layers });
    trial().spoilLayer((response) => fail(response, 404, "BLOB_UNKNOWN"));
    await trial().fails("REGISTRY_NOT_FOUND", /^pull blob `sha256:/);
    expect(other.requests).toEqual([]);
  });

  test("without end are given up", async () => {
    trial().spoilLayer((response, _, request) => void response.writeHead(302, { location: request.url ?? "" }).end());
    await trial().fails("REGISTRY_PROTOCOL", /more than 5 redirects$/);
  });

  test("to what is no web address are refused", async () => {
    trial().spoilLayer((response) => void response.writeHead(302, { location: "file:///etc/passwd" }).end());
    await trial().fails("REGISTRY_PROTOCOL", /no web address$/);
  });
});

describe("tokens", () => {
  /** Wants a token for everything, which holds for `uses` requests. */
  function useTokens(uses: number, grant: (request: IncomingMessage, response: ServerResponse, token: string) => void): void {
    let token = 0;
    let left = 0;
    trial().registry.intercept = (request, response) => {
      if (request.url?.startsWith("/token") === true) {
        left = uses;
        grant(request, response, `t${++token}`);
        return true;
      }
      if (request.headers.authorization === `Bearer t${token}` && left-- > 0) return false;
      const realm = `Bearer realm="http://${trial().registry.host}/token",service="the, service",scope="repository:box:pull"`;
      response.writeHead(401, { "www-authenticate": `Basic realm="x", ${realm}` }).end();
      return true;
    };
  }

  test("are fetched with name and password, and again when they end in between", async () => {
    useTokens(1, (_, response, token) => void response.end(JSON.stringify({ token, expires_in: 300 })));
    await trial().pull({ credentials: async () => ({ username: "jane", password: "secret" }), parallel: 1 });
    const asked = trial().registry.requests.filter(({ path }) => path.startsWith("/token"));
    expect(asked.length).toBeGreaterThanOrEqual(4);
    expect(asked[0]).toMatchObject({
      path: "/token?service=the%2C+service&scope=repository%3Abox%3Apull&account=jane",
      authorization: `Basic ${Buffer.from("jane:secret").toString("base64")}`,
    });
  });

  test("are fetched once for layers in parallel", async () => {
    useTokens(1000, (_, response, token) => void response.end(JSON.stringify({ access_token: token })));
    await trial().pull();
    expect(trial().registry.requests.filter(({ path }) => path.startsWith("/token"))).toHaveLength(1);
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
    await trial().pull({ credentials: async () => ({ identityToken: "r" }) });
  });

  test.each<[string, string, string, RegExp]>([
    ["no JSON", "<html>", "REGISTRY_PROTOCOL", /not JSON$/],
    ["no token", "{}", "REGISTRY_PROTOCOL", /holds no token$/],
    ["a token that would be another header", '{"token":"a\\r\\nX: y"}', "REGISTRY_PROTOCOL", /holds no token$/],
  ])("an answer with %s", async (_, body, code, message) => {
    useTokens(1, (_request, response) => void response.end(body));
    await trial().fails(code, message);
  });

  test("a service that refuses is told in one line", async () => {
    useTokens(1, (_, response) => void response.writeHead(401).end('{"details":"incorrect username or password"}'));
    await trial().fails("REGISTRY_UNAUTHORIZED", /^pull access denied for .*: incorrect username or password$/);
  });
});
