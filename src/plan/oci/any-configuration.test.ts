import { expect, test } from "bun:test";
import fc from "fast-check";
import type { HostPath } from "../../core/brands.ts";
import { EngineError } from "../../core/engine-error.ts";
import { compilePlan } from "../compile.ts";
import { encodePlan } from "../encode.ts";
import type { OciConfig } from "../oci-config.ts";
import type { PlanInput } from "../plan-input.ts";
import { compileSeccomp } from "../seccomp/compile-seccomp.ts";
import schema from "./config-schema.json" with { type: "json" };
import { ociInput } from "./testdata/oci-input.ts";
import { validateConfig } from "./validate-config.ts";

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly values?: Schema;
}

/** Words that mean something somewhere: random text alone would never get past the first check. */
const words = [
  "",
  "/",
  "/a/b",
  "../x",
  "relative",
  "a=b",
  "0-1",
  "/proc/self/fd/3",
  "/dev/x",
  "tmpfs",
  "bind",
  "rbind",
  "ro",
  "rro",
  "idmap",
  "tmpcopyup",
  "rshared",
  "cgroup",
  "sysfs",
  "proc",
  "CAP_CHOWN",
  "read",
  "sendmsg",
  "net.ipv4.ip_forward",
  "kernel.shmmax",
  "x".repeat(300),
];

function arbitrary(rule: Schema): fc.Arbitrary<unknown> {
  if (rule.enum !== undefined) return fc.constantFrom(...rule.enum);
  switch (rule.type) {
    case "string":
      return rule.pattern === undefined
        ? fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 12 }))
        : fc.stringMatching(new RegExp(rule.pattern), { maxLength: 20 });
    case "integer": {
      const { minimum = -1_000_000, maximum = 1_000_000 } = rule;
      return fc.oneof(
        fc.constantFrom(0, 1, 7).filter((n) => n >= minimum),
        fc.constantFrom(minimum, maximum),
        fc.integer({ min: Math.max(minimum, -(2 ** 31)), max: Math.min(maximum, 2 ** 31 - 1) }),
      );
    }
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(arbitrary(rule.items ?? {}), { minLength: rule.minItems ?? 0, maxLength: 3 });
    default: {
      if (rule.values !== undefined) return fc.dictionary(fc.constantFrom(...words.slice(1, 12)), arbitrary(rule.values), { maxKeys: 2 });
      const fields = Object.fromEntries(Object.entries(rule.properties ?? {}).map(([name, property]) => [name, arbitrary(property)]));
      return fc.record(fields, { requiredKeys: [...(rule.required ?? [])] });
    }
  }
}

/** A configuration that runs, with up to three fields of `process` and `linux`, or of the top, replaced. */
const configurations = fc
  .array(
    fc.constantFrom<readonly string[]>(
      ...["mounts", "hooks", "hostname", "domainname", "annotations"].map((name) => [name]),
      ...Object.keys(schema.properties.process.properties).map((name) => ["process", name]),
      ...Object.keys(schema.properties.linux.properties).map((name) => ["linux", name]),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .chain((paths) =>
    fc
      .tuple(...paths.map((path) => arbitrary(path.reduce<Schema>((rule, name) => rule.properties?.[name] ?? {}, schema))))
      .map((values) => paths.map((path, index) => ({ path, value: values[index] }))),
  );

test("whatever the schema allows becomes a plan that can be encoded, or an error of ours", () => {
  const sample = ociInput("container");
  let plans = 0;
  fc.assert(
    fc.property(configurations, fc.boolean(), (changes, joined) => {
      try {
        const config = validateConfig(changes.reduce(withChange, plain));
        encodePlan(compilePlan(inputOf(sample, config, joined)));
        plans++;
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
  expect(plans).toBeGreaterThan(200);
});

const plain: OciConfig = {
  ociVersion: "1.2.0",
  process: { cwd: "/", args: ["sh"] },
  linux: { namespaces: (["mount", "pid", "network", "uts", "ipc", "cgroup", "time"] as const).map((type) => ({ type })) },
};

function withChange(config: OciConfig, { path, value }: { readonly path: readonly string[]; readonly value: unknown }): OciConfig {
  const [top = "", name] = path;
  if (name === undefined) return { ...config, [top]: value };
  return { ...config, [top]: { ...(config as unknown as Record<string, object>)[top], [name]: value } };
}

function inputOf(sample: PlanInput, config: OciConfig, joined: boolean): PlanInput {
  const { seccompProgram: _, ...input } = sample;
  const seccomp = config.linux?.seccomp;
  const mapping = [{ containerID: 0, hostID: 1000, size: 10 }];
  return {
    ...input,
    config,
    clientPid: 42,
    netDevices: { "/": { index: 3, addresses: [{ address: [127, 0, 0, 1], prefix: 8 }] } },
    resctrl: "/sys/fs/resctrl" as HostPath,
    features: { ...input.features, selinux: true, apparmor: true },
    ...(joined ? { joinedMappings: { uid: mapping, gid: mapping } } : {}),
    ...(seccomp === undefined ? {} : { seccompProgram: compileSeccomp(seccomp, "x86_64") }),
  };
}
