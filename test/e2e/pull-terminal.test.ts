// A pull as a person sees it: bars on a terminal, and Ctrl-C.
import { afterEach, beforeEach, expect, test as bunTest } from "bun:test";
import { readdirSync } from "node:fs";
import { archive } from "../contracts/layer-driver.ts";
import { digestOf, FakeRegistry } from "../fakes/fake-registry.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const isThere = test === bunTest;
const host = useWherryHost("pull-terminal");
/** Another one for each test: what is here already is not pulled. */
let layer: Buffer;
let tests = 0;
let registry: FakeRegistry;
let goOn: () => void = () => undefined;

beforeEach(async () => {
  if (!isThere) return;
  registry = await FakeRegistry.start();
  layer = archive({ path: `file-${++tests}`, data: "file ".repeat(200_000) });
  registry.addImage("box:1", [layer]);
  // Half of the layer, and the rest when the test says so.
  registry.intercept = (request, response) => {
    if (request.url !== `/v2/box/blobs/${digestOf(layer)}`) return false;
    response.writeHead(200, { "content-length": layer.length });
    response.write(layer.subarray(0, layer.length / 2));
    goOn = () => response.end(layer.subarray(layer.length / 2));
    return true;
  };
});

afterEach(async () => {
  if (isThere) await registry[Symbol.asyncDispose]();
});

test("a bar grows while a layer comes, and lines remain", async () => {
  const name = `${registry.host}/box:1`;
  const short = digestOf(layer).slice(7, 19);
  await using program = host.terminal(["pull", name], { rows: 24, columns: 100 });
  await program.sees(`${short}: Downloading [=========================>`);
  goOn();
  await program.sees(`Status: Downloaded newer image for ${name}`);
  expect(await program.exited).toBe(0);
  expect(program.output).toContain(`${short}: Pull complete\r\n`);
});

test("Ctrl-C ends it at once, and nothing is left", async () => {
  await using program = host.terminal(["pull", `${registry.host}/box:1`], { rows: 24, columns: 100 });
  await program.sees("Downloading [====");
  program.type("\u0003");
  expect(await program.exited).toBe(1);
  expect(program.output).toEndWith("wherry: pull cancelled\r\n");
  expect(readdirSync(`${host.root}/content/ingest`)).toEqual([]);
});

test("run pulls with bars on standard error, and Ctrl-C ends it, too", async () => {
  await using program = host.terminal(["run", "--rm", "-it", `${registry.host}/box:2`], { rows: 24, columns: 100 });
  await program.sees(/manifest unknown/);
  expect(await program.exited).toBe(125);
  await using second = host.terminal(["run", "--rm", `${registry.host}/box:1`, "/x"], { rows: 24, columns: 100 });
  await second.sees("Downloading [====");
  second.type("\u0003");
  expect(await second.exited).toBe(125);
  expect(second.output).toEndWith("wherry: pull cancelled\r\n");
});
