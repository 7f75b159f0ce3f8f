import { expect, test } from "bun:test";
import { execCandidates } from "./process.ts";

test("execCandidates() takes a name with a slash as it is, and looks for others in each directory of PATH", () => {
  expect(execCandidates("./run", ["PATH=/a"])).toEqual(["./run"]);
  expect(execCandidates("sh", ["HOME=/", "PATH=/a:/b/"])).toEqual(["/a/sh", "/b/sh"]);
});

test("execCandidates() takes an empty directory for the working directory, as execvp(3) does", () => {
  expect(execCandidates("sh", ["PATH=/a::/b"])).toEqual(["/a/sh", "./sh", "/b/sh"]);
});

test("execCandidates() uses the last PATH, and docker's default without any", () => {
  expect(execCandidates("sh", ["PATH=/a", "PATH=/b"])).toEqual(["/b/sh"]);
  expect(execCandidates("sh", [])).toContain("/usr/local/sbin/sh");
});
