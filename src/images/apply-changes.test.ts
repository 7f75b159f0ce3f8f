import { describe, expect, test } from "bun:test";
import { applyChanges } from "./apply-changes.ts";
import { splitWords } from "./split-words.ts";

describe("applyChanges()", () => {
  test.each([
    ['CMD ["a", "b c"]', { Cmd: ["a", "b c"] }],
    ["CMD echo $HOME", { Cmd: ["/bin/sh", "-c", "echo $HOME"] }],
    ["cmd [not json", { Cmd: ["/bin/sh", "-c", "[not json"] }],
    ['ENTRYPOINT ["/x"]', { Entrypoint: ["/x"] }],
    ["CMD []", { Cmd: [] }],
    ["ENV A=1 B='2 3' C=4\\ 5 D=\"6\"", { Env: ["A=1", "B=2 3", "C=4 5", "D=6"] }],
    ["ENV OLD form of it", { Env: ["OLD=form of it"] }],
    ["ENV E=a=b", { Env: ["E=a=b"] }],
    ['LABEL "a b"=c d=', { Labels: { "a b": "c", d: "" } }],
    ["WORKDIR /srv", { WorkingDir: "/srv" }],
    ["WORKDIR app/../x", { WorkingDir: "/x" }],
    ["USER 1000:1000", { User: "1000:1000" }],
    ["EXPOSE 80 53/UDP 8000-8010", { ExposedPorts: { "80/tcp": {}, "53/udp": {}, "8000-8010/tcp": {} } }],
    ['VOLUME ["/a b", "/c"]', { Volumes: { "/a b": {}, "/c": {} } }],
    ["VOLUME /a /b", { Volumes: { "/a": {}, "/b": {} } }],
    ["STOPSIGNAL SIGQUIT", { StopSignal: "SIGQUIT" }],
    ["ONBUILD RUN make", { OnBuild: ["RUN make"] }],
  ])("%p gives %p", (change, config) => {
    expect(applyChanges({}, [change])).toEqual(config);
  });

  test("later changes build on earlier ones and on what was there", () => {
    const before = { Env: ["A=0", "PATH=/bin"], WorkingDir: "/a", Labels: { x: "1" } };
    expect(applyChanges(before, ["ENV A=1", "WORKDIR b", "WORKDIR c", "LABEL y=2"])).toEqual({
      Env: ["A=1", "PATH=/bin"],
      WorkingDir: "/a/b/c",
      Labels: { x: "1", y: "2" },
    });
    expect(before.Env).toEqual(["A=0", "PATH=/bin"]);
  });

  test("ENTRYPOINT drops a command that was there, but not one set by the changes", () => {
    expect(applyChanges({ Cmd: ["old"] }, ['ENTRYPOINT ["/x"]'])).toEqual({ Entrypoint: ["/x"] });
    expect(applyChanges({ Cmd: ["old"] }, ['CMD ["new"]', 'ENTRYPOINT ["/x"]'])).toEqual({ Cmd: ["new"], Entrypoint: ["/x"] });
  });

  test.each(["RUN make", "COPY a b", "FROM x", "CMD", "ENV", "ENV =x A=1", "LABEL x", "EXPOSE http", "EXPOSE 70000", "", "bogus"])(
    "refuses %p",
    (change) => {
      expect(() => applyChanges({}, [change])).toThrow(expect.objectContaining({ code: "INVALID_CHANGE" }));
    },
  );
});

describe("splitWords()", () => {
  test.each([
    ["", []],
    ["  a  b ", ["a", "b"]],
    ["a' 'b", ["a b"]],
    ["''", [""]],
    ['"a\\"b" \'c\\d\'', ['a"b', "c\\d"]],
    ["a\\", ["a\\"]],
    ["'open a", ["open a"]],
  ])("%p gives %p", (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });
});
