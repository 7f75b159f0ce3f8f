import { readFileSync } from "node:fs";
import type { DoctorItem } from "./doctor-report.ts";

export function ok(name: string, detail: string): DoctorItem {
  return { name, status: "ok", detail, consequence: "" };
}

/** It is there, but less than it could be. `consequence`: what is then limited, and the remedy. */
export function limited(name: string, detail: string, consequence: string): DoctorItem {
  return { name, status: "limited", detail, consequence };
}

export function missing(name: string, detail: string, consequence: string): DoctorItem {
  return { name, status: "missing", detail, consequence };
}

/** A file of /proc or /sys without its last newline; null when it can't be read. */
export function readSmall(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trimEnd();
  } catch {
    return null;
  }
}
