import { kindOf, type TemplateValue } from "./value.ts";

/** `eq`: equal to any of the others. Only basic kinds, and only of one kind, are comparable; nil equals nil. */
export function equalsAny(first: TemplateValue, others: readonly TemplateValue[]): boolean {
  if (others.length === 0) throw new Error("missing argument for comparison");
  return others.some((other) => equals(first, other));
}

function equals(a: TemplateValue, b: TemplateValue): boolean {
  const [kindA, kindB] = [kindOf(a), kindOf(b)];
  if (isNil(kindA) || isNil(kindB)) return isNil(kindA) && isNil(kindB);
  if (kindA !== kindB) throw new Error("incompatible types for comparison");
  if (kindA !== "bool" && kindA !== "number" && kindA !== "string") throw new Error(`non-comparable type ${kindA}`);
  if (typeof a === "bigint" || typeof b === "bigint") return String(a) === String(b);
  return a === b;
}

function isNil(kind: string): boolean {
  return kind === "nil" || kind === "missing";
}

/** `lt`, on which `le`, `gt` and `ge` rest. */
export function isLess(a: TemplateValue, b: TemplateValue): boolean {
  const kind = kindOf(a);
  if (kind !== kindOf(b)) throw new Error("incompatible types for comparison");
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  if ((typeof a === "number" || typeof a === "bigint") && (typeof b === "number" || typeof b === "bigint")) return a < b;
  throw new Error("invalid type for comparison");
}
