import { describe, expect, test } from "bun:test";
import type { ImageConfig } from "../images/image-view.ts";
import { mergeEnvironment, resolveProcess } from "./resolve-process.ts";

const image: ImageConfig = {
  user: "",
  env: ["PATH=/bin", "A=1"],
  entrypoint: ["/entry"],
  command: ["serve"],
  workingDirectory: "",
  exposedPorts: [],
  volumes: [],
  labels: { from: "image" },
  stopSignal: "",
};

describe("resolveProcess()", () => {
  test("takes the image's entrypoint and command when nothing is given", () => {
    expect(resolveProcess({ image: "i" }, image)).toMatchObject({
      entrypoint: ["/entry"],
      command: ["serve"],
      workingDirectory: "/",
      stopSignal: "SIGTERM",
    });
  });
  test("takes the option's stop signal, else the image's, unless that is none", () => {
    const signal = (option: string | undefined, images: string) =>
      resolveProcess({ image: "i", ...(option === undefined ? {} : { stopSignal: option }) }, { ...image, stopSignal: images }).stopSignal;
    expect([signal(undefined, "SIGINT"), signal("QUIT", "SIGINT"), signal(undefined, "SIGNOPE")]).toEqual(["SIGINT", "QUIT", "SIGTERM"]);
    expect(() => signal("SIGNOPE", "")).toThrow("invalid signal: SIGNOPE");
  });
  test("replaces only the command", () => {
    expect(resolveProcess({ image: "i", command: ["x", "y"] }, image)).toMatchObject({ entrypoint: ["/entry"], command: ["x", "y"] });
  });
  test("drops the image's command with a new entrypoint", () => {
    expect(resolveProcess({ image: "i", entrypoint: ["sh"] }, image)).toMatchObject({ entrypoint: ["sh"], command: null });
  });
  test("clears the entrypoint with an empty one, which then needs a command", () => {
    expect(resolveProcess({ image: "i", entrypoint: [""], command: ["ls"] }, image)).toMatchObject({ entrypoint: null, command: ["ls"] });
    expect(() => resolveProcess({ image: "i", entrypoint: [""] }, image)).toThrow("no command specified");
  });
  test("refuses a relative working directory", () => {
    expect(resolveProcess({ image: "i", workingDirectory: "" }, { ...image, workingDirectory: "/srv" }).workingDirectory).toBe("/srv");
    expect(() => resolveProcess({ image: "i", workingDirectory: "tmp" }, image)).toThrow("needs to be an absolute path");
  });
  test("unites labels, the option's winning", () => {
    expect(resolveProcess({ image: "i", labels: { from: "option", b: "2" } }, image).labels).toEqual({ from: "option", b: "2" });
  });
});

describe("mergeEnvironment()", () => {
  test("overrides in place and removes a bare name", () => {
    expect(mergeEnvironment([["A=1", "B=2"], ["B=3", "C=x=y"], ["A"]])).toEqual(["B=3", "C=x=y"]);
  });
  test("refuses a missing name and NUL bytes", () => {
    expect(() => mergeEnvironment([["=x"]])).toThrow("name is missing");
    expect(() => mergeEnvironment([["A=\0"]])).toThrow("NUL");
  });
});
