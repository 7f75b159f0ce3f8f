import { readFileSync } from "node:fs";
import { invalidOption } from "../../core/invalid-option.ts";
import { parseSize } from "../../core/size.ts";
import type { OciResources } from "../../plan/oci-config.ts";
import { validateResources } from "../../plan/oci/validate-config.ts";
import { parseJson } from "../../runtime/bundle-config.ts";
import { updateContainer } from "../../runtime/update-container.ts";
import { type FlagValues, parseLine } from "../command-line.ts";
import { oneContainer } from "../container-argument.ts";
import type { OciCommand } from "../oci-context.ts";

const value = { takes: "value" } as const;

const flags = {
  resources: { takes: "value", aliases: ["r"] },
  "blkio-weight": value,
  "cpu-period": value,
  "cpu-quota": value,
  "cpu-burst": value,
  "cpu-share": value,
  "cpu-rt-period": value,
  "cpu-rt-runtime": value,
  "cpu-idle": value,
  "cpuset-cpus": value,
  "cpuset-mems": value,
  "kernel-memory": value,
  "kernel-memory-tcp": value,
  memory: value,
  "memory-reservation": value,
  "memory-swap": value,
  "pids-limit": value,
  "l3-cache-schema": value,
  "mem-bw-schema": value,
} as const;

export const update: OciCommand = {
  flags,
  async run(args, context) {
    const { values, words } = parseLine(flags, args);
    const files = oneContainer("update", words, context);
    const { "l3-cache-schema": l3CacheSchema, "mem-bw-schema": memBwSchema } = values;
    const classOfService = given({ l3CacheSchema: nonEmpty(l3CacheSchema), memBwSchema: nonEmpty(memBwSchema) });
    await updateContainer(files, values.resources === undefined ? fromFlags(values) : readResources(values.resources), classOfService);
    return 0;
  },
};

/** A file, or standard input for `-`. */
function readResources(path: string): OciResources {
  const text = readFileSync(path === "-" ? 0 : path, "utf8");
  return validateResources(parseJson(text, path));
}

function fromFlags(values: FlagValues<typeof flags>): OciResources {
  const number = (name: keyof typeof flags) => whole(name, values[name]);
  const size = (name: keyof typeof flags) => bytes(values[name]);
  const weight = number("blkio-weight");
  const limit = number("pids-limit");
  const { "cpuset-cpus": cpus, "cpuset-mems": mems } = values;
  return {
    ...(weight === undefined ? {} : { blockIO: { weight } }),
    ...(limit === undefined ? {} : { pids: { limit } }),
    cpu: given({
      shares: number("cpu-share"),
      quota: number("cpu-quota"),
      burst: number("cpu-burst"),
      period: number("cpu-period"),
      realtimeRuntime: number("cpu-rt-runtime"),
      realtimePeriod: number("cpu-rt-period"),
      idle: number("cpu-idle"),
      cpus,
      mems,
    }),
    memory: given({
      limit: size("memory"),
      reservation: size("memory-reservation"),
      swap: size("memory-swap"),
      kernel: size("kernel-memory"),
      kernelTCP: size("kernel-memory-tcp"),
    }),
  };
}

/** Without what was not given. */
function given<T extends object>(values: T): { readonly [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, entry]) => entry !== undefined)) as {
    readonly [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}

const nonEmpty = (text: string | undefined): string | undefined => (text === "" ? undefined : text);

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^-?\d+$/.test(text)) return Number(text);
  throw invalidOption(`invalid value for --${name}: \`${text}\``);
}

/** `512m`; -1 lifts the limit. */
function bytes(text: string | undefined): number | undefined {
  return text === undefined ? undefined : text === "-1" ? -1 : parseSize(text);
}
