import type { HostPath } from "../core/brands.ts";
import { findInstallation } from "../core/installation.ts";
import type { EnvironmentOrder } from "./environment-order.ts";
import { PlanCache, type PlanCacheEntry } from "./plan-cache.ts";

/** 64 hexadecimal digits, as engines name containers, layers and sandboxes, and UUIDs, as they name pods and network namespaces. */
const nameForms = /[0-9a-f]{64}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g;
const mostNames = 24;
/** For a container whose own name could mean something: only the same one is like it. */
const nobody = "f".repeat(64);

/**
 * What earlier containers of bundles have taught: which configurations are valid, and the plans of those that differ in names alone
 * (docs/adr/0010-remembered-plans.md). Absent in an engine run from its sources, which may change between two commands.
 */
export class BundleMemory {
  readonly #cache: PlanCache;

  private constructor(cache: PlanCache) {
    this.#cache = cache;
  }

  /** @param directory null: nothing is remembered */
  static open(directory: HostPath | null): BundleMemory | null {
    return directory !== null && findInstallation().self.length === 1 ? new BundleMemory(new PlanCache(directory)) : null;
  }

  /** By all that a plan is made from, as text, given the container's id. `environment`: its order, where the facts have another. */
  entry(id: string, facts: object, environment?: EnvironmentOrder): PlanCacheEntry | null {
    return this.#cache.entryOfFacts(facts, (text) => namesIn(text, id), { environment });
  }
}

/**
 * The names in a text that mean nothing but themselves, the container's first; null when there are too many. Whoever compiles copies them,
 * compares them for equality, and looks into none. One without a letter, or with no other than `e`, could be a number.
 */
export function namesIn(text: string, id: string): readonly string[] | null {
  const found = new Set(text.match(nameForms)?.filter((name) => /[a-df]/.test(name)));
  const own = found.has(id) ? id : nobody;
  found.delete(own);
  return found.size > mostNames ? null : [own, ...found];
}
