import { EngineError } from "../../core/engine-error.ts";
import type { ResourceOptions } from "../../spec/container-options.ts";
import { containerFlags } from "../container-flags/container-flag-table.ts";
import { bytesFlag } from "../flags/flag-spec.ts";
import { forEachReference } from "../output/for-each-reference.ts";
import { defineVerb } from "../verb.ts";

export const updateVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Update configuration of one or more containers",
  details: "The limits that are given change, at once where the container runs, and for its next starts. The others stay.",
  aliases: ["wherry container update", "wherry update"],
  flags: {
    "blkio-weight": containerFlags["blkio-weight"],
    "cpu-period": containerFlags["cpu-period"],
    "cpu-quota": containerFlags["cpu-quota"],
    "cpu-rt-period": containerFlags["cpu-rt-period"],
    "cpu-rt-runtime": containerFlags["cpu-rt-runtime"],
    "cpu-shares": containerFlags["cpu-shares"],
    cpus: containerFlags.cpus,
    "cpuset-cpus": containerFlags["cpuset-cpus"],
    "cpuset-mems": containerFlags["cpuset-mems"],
    "kernel-memory": bytesFlag("Kernel memory limit (deprecated)", { hidden: true }),
    memory: containerFlags.memory,
    "memory-reservation": containerFlags["memory-reservation"],
    "memory-swap": containerFlags["memory-swap"],
    "pids-limit": containerFlags["pids-limit"],
  },
  minArguments: 1,
  async run(context, { values, positionals }) {
    const resources: ResourceOptions = given({
      blkioWeight: values["blkio-weight"],
      cpuPeriodMicros: values["cpu-period"],
      cpuQuotaMicros: values["cpu-quota"],
      cpuRealtimePeriodMicros: values["cpu-rt-period"],
      cpuRealtimeRuntimeMicros: values["cpu-rt-runtime"],
      cpuShares: values["cpu-shares"],
      nanoCpus: values.cpus,
      cpusetCpus: values["cpuset-cpus"],
      cpusetMems: values["cpuset-mems"],
      kernelMemoryBytes: values["kernel-memory"],
      memoryBytes: values.memory,
      memoryReservationBytes: values["memory-reservation"],
      memorySwapBytes: values["memory-swap"],
      pidsLimit: values["pids-limit"],
    });
    if (Object.keys(resources).length === 0) {
      throw new EngineError({
        kind: "invalidArgument",
        code: "INVALID_OPTION",
        message: "you must provide one or more flags when using this command",
      });
    }
    const { containers } = await context.engine();
    return await forEachReference(context, positionals, (reference) => containers.update(reference, resources));
  },
});

/** Without what was not given; 0 is docker's word for that, too. */
function given<T extends object>(values: T): { readonly [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== 0)) as {
    readonly [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}
