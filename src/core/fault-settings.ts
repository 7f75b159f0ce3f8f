declare const WHERRY_FAULTS: boolean;

const launcherSettings = ["WHERRY_FAULT_STEP", "WHERRY_FAULT_ACTION", "WHERRY_FAULT_LABEL"];

/** The environment of the launcher: empty. In a test build, what tells the launcher of that build where to fail (launcher/execute.c). */
export function launcherEnvironment(): Readonly<Record<string, string>> {
  if (typeof WHERRY_FAULTS === "undefined") return {};
  return Object.fromEntries(launcherSettings.flatMap((name) => settingOf(name).map((value) => [name, value])));
}

/** Additions to the exit hook's environment: none. In a test build, the fault point at which the hook is to die. */
export function hookEnvironment(): readonly string[] {
  if (typeof WHERRY_FAULTS === "undefined") return [];
  return settingOf("WHERRY_FAULT_HOOK").map((point) => `WHERRY_FAULT_POINT=${point}`);
}

function settingOf(name: string): readonly string[] {
  const value = process.env[name];
  return value === undefined ? [] : [value];
}
