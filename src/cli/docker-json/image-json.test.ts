import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { imageDetails } from "../../../test/fakes/image-details.ts";
import { imageJson } from "./image-json.ts";

const fields: Record<string, string[]> = JSON.parse(readFileSync(new URL("testdata/api-1.50-fields.json", import.meta.url), "utf8"));

test("imageJson() uses only names of docker's API", () => {
  const json = imageJson(
    imageDetails({
      config: { ...imageDetails().config, exposedPorts: ["80/tcp"], volumes: ["/data"], labels: { a: "1" }, stopSignal: "SIGINT" },
    }),
  );
  expect(Object.keys(json).filter((key) => !(fields["ImageInspect"] ?? []).includes(key))).toEqual([]);
  expect(Object.keys(json.Config).filter((key) => !(fields["ImageConfig"] ?? []).includes(key))).toEqual([]);
  expect(json.Config).toMatchObject({ ExposedPorts: { "80/tcp": {} }, Volumes: { "/data": {} }, Labels: { a: "1" }, StopSignal: "SIGINT" });
});

test("imageJson() has null where docker has it", () => {
  expect(imageJson(imageDetails()).Config).toMatchObject({ Volumes: null, Labels: null, Entrypoint: null, OnBuild: null });
});
