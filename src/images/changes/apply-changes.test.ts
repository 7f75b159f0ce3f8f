import { describe, expect, test } from "bun:test";
import { applyChanges } from "./apply-changes.ts";

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
    ["EXPOSE 80 53/UDP 8000-8001", { ExposedPorts: { "80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {} } }],
    ["EXPOSE 127.0.0.1:80:90", { ExposedPorts: { "90/tcp": {} } }],
    ["HEALTHCHECK NONE", { Healthcheck: { Test: ["NONE"] } }],
    ["HEALTHCHECK CMD exit 1", { Healthcheck: { Test: ["CMD-SHELL", "exit 1"] } }],
    [
      'HEALTHCHECK --interval=5s --timeout=1m --start-period=2s --retries=3 CMD ["/x"]',
      { Healthcheck: { Test: ["CMD", "/x"], Interval: 5e9, Timeout: 60e9, StartPeriod: 2e9, Retries: 3 } },
    ],
    ["ENV A=1\\\n  B=2", { Env: ["A=1", "B=2"] }],
    ["ENV A=1\n# no\n\nENV B=$A", { Env: ["A=1", "B=1"] }],
    ["CMD echo a \\\n b", { Cmd: ["/bin/sh", "-c", "echo a  b"] }],
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

  test("variables are those of the configuration, and quotes and backslashes keep them", () => {
    const config = { Env: ["A=1", "E="] };
    const env = (change: string) => applyChanges(config, [change]).Env?.slice(2);
    expect(env("ENV X=$A Y=${A}b Z=\"$A c\" W='$A' V=\\$A")).toEqual(["X=1", "Y=1b", "Z=1 c", "W=$A", "V=$A"]);
    expect(env("ENV X=${E:-d} Y=${E-d} Z=${NO:-$A} W=${A:+set} V=${NO:+set} U=$ T=a$-")).toEqual([
      "X=d",
      "Y=",
      "Z=1",
      "W=set",
      "V=",
      "U=$",
      "T=a$-",
    ]);
    expect(applyChanges(config, ["LABEL l=$A", "WORKDIR /w$A", "USER u$A", "EXPOSE $A", "VOLUME /v$A"])).toMatchObject({
      Labels: { l: "1" },
      WorkingDir: "/w1",
      User: "u1",
      ExposedPorts: { "1/tcp": {} },
      Volumes: { "/v1": {} },
    });
  });

  test("an image without entrypoint and command keeps the command it had", () => {
    for (const change of ["CMD []", "ENTRYPOINT []"]) expect(applyChanges({ Cmd: ["old"] }, [change]).Cmd).toEqual(["old"]);
  });

  test.each([
    ["RUN make", "run is not a valid change command"],
    ["bogus", "bogus is not a valid change command"],
    ["constructor x", "constructor is not a valid change command"],
    ["", "file with no instructions"],
    ["# nothing", "file with no instructions"],
    ["ENV", "ENV requires at least one argument"],
    ["ENV A", "ENV must have two arguments"],
    ["ENV =x A=1", "ENV names can not be blank"],
    ["ENV A=1 B", `Syntax error - can't find = in "B". Must be of the form: name=value`],
    ["ENV A='x", 'failed to process "\'x": unexpected end of statement while looking for matching single-quote'],
    ["ENV A=${x", "failed to process \"${x\": syntax error: missing '}'"],
    ["LABEL x", "LABEL must have two arguments"],
    ["USER", "USER requires exactly one argument"],
    ["EXPOSE http", "Invalid containerPort: http"],
    ["EXPOSE 70000", "Invalid containerPort: 70000"],
    ["EXPOSE 80/x", "Invalid proto: x"],
    ['VOLUME ""', "VOLUME specified can not be an empty string"],
    ["VOLUME []", "VOLUME requires at least one argument"],
    ["STOPSIGNAL NO", "invalid signal: NO"],
    ['CMD ["a", 1]', "when using JSON array syntax, arrays must be comprised of strings only"],
    ["ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
    ["ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"],
    ["HEALTHCHECK --x=1 CMD y", "Unknown flag: x"],
    ["HEALTHCHECK --interval=1us CMD y", 'Interval "interval" cannot be less than 1ms'],
    ["HEALTHCHECK --retries=0 CMD y", "--retries must be at least 1 (not 0)"],
    ["HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"],
    ["HEALTHCHECK FOO", 'Unknown type "FOO" in HEALTHCHECK (try CMD)'],
  ])("refuses %p in docker's words", (change, message) => {
    expect(() => applyChanges({}, [change])).toThrow(expect.objectContaining({ code: "INVALID_CHANGE", message }));
  });
});
