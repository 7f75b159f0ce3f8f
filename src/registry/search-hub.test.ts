import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { FakeRegistry } from "../../test/fakes/fake-registry.ts";
import { RegistryClient } from "./registry-client.ts";
import { searchHub } from "./search-hub.ts";

let hub: FakeRegistry;
let client: RegistryClient;

beforeEach(async () => {
  hub = await FakeRegistry.start();
  client = new RegistryClient({
    host: { name: "hub", endpoints: [{ url: `http://${hub.host}`, tls: {}, insecure: true, mirror: false }] },
  });
});

afterEach(async () => {
  client[Symbol.dispose]();
  await hub[Symbol.asyncDispose]();
});

function answer(body: string): void {
  hub.intercept = (_, response) => {
    response.end(body);
    return true;
  };
}

describe("searchHub()", () => {
  test("reads what Docker Hub answers, and asks as docker does", async () => {
    const found = { name: "debian", description: "Debian is", star_count: 5000, is_official: true, is_automated: false };
    answer(JSON.stringify({ num_results: 1, results: [found] }));
    expect(await searchHub(client, { term: "deb ian", limit: 25 })).toEqual([
      { name: "debian", description: "Debian is", stars: 5000, isOfficial: true, isAutomated: false },
    ]);
    expect(hub.requests.map(({ path }) => path)).toEqual(["/v1/search?q=deb+ian&n=25"]);
  });

  test("gives at most what was asked for, and no terminal anything to obey", async () => {
    const hostile = { name: "a\u001b]0;x\u0007", description: "one\ntwo\u001b[2J\u009b31m" };
    answer(JSON.stringify({ results: [hostile, null, { name: 7 }, { name: "b", star_count: "many" }, { name: "c" }] }));
    expect(await searchHub(client, { term: "x", limit: 4 })).toEqual([
      { name: "a ]0;x", description: "one two [2J 31m", stars: 0, isOfficial: false, isAutomated: false },
      { name: "b", description: "", stars: 0, isOfficial: false, isAutomated: false },
    ]);
  });

  test.each(["", "null", "[]", '{"results":{}}'])("refuses %p", async (body) => {
    answer(body);
    expect(await searchHub(client, { term: "x", limit: 4 }).catch((error: unknown) => error)).toMatchObject({ code: "REGISTRY_PROTOCOL" });
  });
});
