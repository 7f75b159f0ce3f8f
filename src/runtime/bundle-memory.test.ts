import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { HostPath } from "../core/brands.ts";
import { randomHex } from "../core/random.ts";
import { compilePlan } from "../plan/compile.ts";
import { encodePlan } from "../plan/encode.ts";
import { ociInput, podInput } from "../plan/oci/testdata/oci-input.ts";
import type { PlanInput } from "../plan/plan-input.ts";
import { environmentOrder, withSettledEnvironment } from "./environment-order.ts";
import { namesIn } from "./bundle-memory.ts";
import { PlanCache } from "./plan-cache.ts";

let directory: HostPath;
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/wherry-memory-`) as HostPath;
});
afterEach(() => rmSync(directory, { recursive: true }));

interface Names {
  readonly id: string;
  readonly layer: string;
  readonly namespace: string;
}

const newName = (): string => `a${randomHex(32).slice(1)}`;
const newNames = (): Names => ({
  id: newName(),
  layer: newName(),
  namespace: "8c4d1f2e-0000-4a4a-9b9b-".concat(`d${randomHex(6).slice(1)}`),
});

/** An engine's container, as podman and docker name what belongs to it. */
function named(input: PlanInput, { id, layer, namespace }: Names): PlanInput {
  const { process, linux } = input.config;
  if (process === undefined) throw new Error("the sample changed");
  const namespaces = (linux?.namespaces ?? []).filter(({ type }) => type !== "network");
  return {
    ...input,
    config: {
      ...input.config,
      ...(linux?.namespaces?.some(({ type }) => type === "uts") === true ? { hostname: id.slice(0, 12) } : {}),
      annotations: { layer, id },
      process: {
        ...process,
        env: [...(process.env ?? []).filter((entry) => !entry.startsWith("HOSTNAME=")), `HOSTNAME=${id.slice(0, 12)}`, `LAYER=${layer}`],
      },
      mounts: [
        ...(input.config.mounts ?? []),
        { destination: "/etc/hosts", type: "bind", source: `/engine/${id}/hosts`, options: ["bind"] },
      ],
      linux: { ...linux, namespaces: [...namespaces, { type: "network", path: `/run/netns/netns-${namespace}` }] },
    },
    identity: { id, bundle: `/engine/${id}` as HostPath },
    rootfs: { kind: "bundle", path: `/layers/${layer}/merged` as HostPath },
  };
}

const compiled = (input: PlanInput): Buffer => Buffer.from(encodePlan(compilePlan(input)));

/** As `createContainer` does, with the whole input for facts. */
function planOf(input: PlanInput, id: string): { readonly plan: Uint8Array; readonly remembered: boolean; readonly note: string } {
  const entry = new PlanCache(directory).entryOfFacts(
    { ...input, config: withSettledEnvironment(input.config), extensions: null },
    (text) => namesIn(text, id),
    { environment: environmentOrder(input.config) },
  );
  if (entry === null) throw new Error("there should be an entry");
  const found = entry.read();
  const plan = found ?? entry.write(encodePlan(compilePlan(input)), `of ${id}`);
  return { plan, remembered: found !== null, note: entry.note };
}

describe("a remembered plan of a bundle", () => {
  test.each([
    ["container", ociInput("container")],
    ["pod", podInput()],
    ["exec", ociInput("exec")],
  ])("%s: is the one that would be compiled for other names", (_, sample) => {
    const [before, after] = [newNames(), newNames()];
    const [first, later] = [named(sample, before), named(sample, after)];
    expect(planOf(first, before.id)).toEqual({ plan: compiled(first), remembered: false, note: `of ${before.id}` });
    expect(planOf(later, after.id)).toEqual({ plan: compiled(later), remembered: true, note: `of ${after.id}` });
    expect(readdirSync(directory)).toHaveLength(1);
  });

  test("serves one whose environment is in another order, which it keeps", () => {
    const reordered = (input: PlanInput, turn: (env: readonly string[]) => readonly string[]): PlanInput => {
      const { process } = input.config;
      if (process === undefined) throw new Error("the sample changed");
      return { ...input, config: { ...input.config, process: { ...process, env: turn(process.env ?? []) } } };
    };
    const [before, after] = [newNames(), newNames()];
    const sample = ociInput("container");
    const first = named(sample, before);
    planOf(first, before.id);
    for (const turn of [(env: readonly string[]) => env.toReversed(), (env: readonly string[]) => [...env.slice(1), ...env.slice(0, 1)]]) {
      const later = reordered(named(sample, after), turn);
      expect(planOf(later, after.id)).toEqual({ plan: compiled(later), remembered: true, note: `of ${after.id}` });
    }
    // Of two values for a name it matters which comes last.
    const twice = (env: readonly string[]) => [...env, "TWICE=1", "TWICE=2"];
    const other = (env: readonly string[]) => [...env, "TWICE=2", "TWICE=1"];
    expect(planOf(reordered(first, twice), before.id)).toMatchObject({ remembered: false });
    const last = reordered(first, other);
    expect(planOf(last, before.id)).toMatchObject({ plan: compiled(last), remembered: false });
  });

  test("is not that of one whose names are the same where they were not, or anything else is another", () => {
    const sample = ociInput("container");
    const names = newNames();
    planOf(named(sample, names), names.id);
    const same = newNames();
    const others: readonly (readonly [PlanInput, string])[] = [
      [named(sample, { ...same, layer: same.id }), same.id],
      [named(sample, { ...same, layer: "7".repeat(64) }), same.id],
      [named(sample, { ...same, id: "short" }), "short"],
      [{ ...named(sample, same), noPivot: true }, same.id],
    ];
    for (const [input, id] of others) expect(planOf(input, id)).toMatchObject({ plan: compiled(input), remembered: false });
  });
});

describe("namesIn()", () => {
  const [id, layer] = [newName(), newName()];
  const uuid = "123e4567-e89b-42d3-a456-426614174000";
  const nobody = "f".repeat(64);

  test("puts the container's first, then others as they come, once each", () => {
    expect(namesIn(`/l/${layer}/${uuid}/${layer} ${id}`, id)).toEqual([id, layer, uuid]);
    expect(namesIn(`/l/${layer} run5`, "run5")).toEqual([nobody, layer]);
  });

  test("leaves alone what could be a number", () => {
    expect(namesIn(`${"1".repeat(64)} ${"1e".repeat(32)}`, id)).toEqual([nobody]);
  });

  test("gives a text up that has very many", () => {
    expect(namesIn(Array.from({ length: 25 }, newName).join(" "), id)).toBeNull();
  });
});
