import { EngineError } from "../core/engine-error.ts";
import { hostArchitecture } from "./oci-image.ts";

/** What an image runs on, in the words of Go. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

const architectures: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  i386: "386",
  i486: "386",
  i586: "386",
  i686: "386",
  aarch64: "arm64",
  armhf: "arm",
  armel: "arm",
};
const variantOf: Readonly<Record<string, string>> = { armhf: "v7", armel: "v6" };

/** This machine's. */
export function hostPlatform(): Platform {
  return { os: "linux", architecture: hostArchitecture() };
}

/** That which an image's configuration names; what it leaves out is this machine's. */
export function imagePlatform({ os, architecture, variant }: { readonly [Part in keyof Platform]?: string | undefined }): Platform {
  return {
    os: os || "linux",
    architecture: architecture || hostArchitecture(),
    ...(variant === undefined || variant === "" ? {} : { variant }),
  };
}

/** Whether who asked for that platform may be given the image of this one. @see containerd platforms: OnlyPlatformWithFallback */
export function satisfiesPlatform(found: Platform, wanted: Platform): boolean {
  return runnablePlatforms(wanted).some((fitting) => isSamePlatform(found, fitting));
}

/**
 * Images for Windows and the like are taken only by whoever names their platform, to send them on; as with docker they do not run.
 * @throws {EngineError} IMAGE_UNSUPPORTED
 */
export function requireUsableSystem(found: Platform, asked: Platform | undefined, doing: "load" | "pull"): void {
  if (found.os.toLowerCase() === (asked?.os ?? "linux")) return;
  const remedy = asked === undefined ? `; to send it on only, ${doing} it with --platform ${formatPlatform(found)}` : "";
  throw new EngineError({
    kind: "invalidArgument",
    code: "IMAGE_UNSUPPORTED",
    message: `cannot ${doing} ${found.os} image on ${asked?.os ?? "linux"}${remedy}`,
  });
}

/**
 * Reads `os/architecture[/variant]`, or an architecture alone, as docker's `--platform` does.
 * @throws {EngineError} INVALID_PLATFORM
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  if (parts.length > 3 || !parts.every((part) => /^[A-Za-z0-9_.-]+$/.test(part))) throw invalidPlatform(text);
  const [first = "", second, variant] = parts;
  if (second !== undefined) return normalizePlatform({ os: first, architecture: second, ...(variant === undefined ? {} : { variant }) });
  return first.toLowerCase() === "linux" ? hostPlatform() : normalizePlatform({ os: "linux", architecture: first });
}

export function formatPlatform(platform: Platform): string {
  return `${platform.os}/${platform.architecture}${platform.variant === undefined ? "" : `/${platform.variant}`}`;
}

/** One spelling for each: `aarch64` is `arm64`, whose variant v8 is what it is without one; so is `amd64`'s v1. */
export function normalizePlatform(platform: Platform): Platform {
  const given = platform.architecture.toLowerCase();
  const architecture = architectures[given] ?? given;
  let variant = platform.variant?.toLowerCase() ?? variantOf[given] ?? "";
  if (/^\d+$/.test(variant)) variant = `v${variant}`;
  if ((architecture === "arm64" && variant === "v8") || (architecture === "amd64" && variant === "v1")) variant = "";
  if (architecture === "arm" && variant === "") variant = "v7";
  return { os: platform.os.toLowerCase(), architecture, ...(variant === "" ? {} : { variant }) };
}

/**
 * What a machine of that platform runs, best first: its own, then older variants, then the 32-bit kind.
 * @see containerd platforms, compare.go: platformVector
 */
export function runnablePlatforms(platform: Platform): Platform[] {
  const wanted = normalizePlatform(platform);
  const { os, architecture } = wanted;
  const version = Number(wanted.variant?.slice(1) ?? 0);
  const variants = (name: string, from: number, to: number) => {
    const found: Platform[] = [];
    for (let n = from; n >= to; n--) found.push(normalizePlatform({ os, architecture: name, variant: `v${n}` }));
    return found;
  };
  switch (architecture) {
    case "amd64":
      return [wanted, ...variants("amd64", version - 1, 1), { os, architecture: "386" }];
    case "arm64":
      return [wanted, ...variants("arm64", Math.floor(version) - 1, 8), ...variants("arm", 8, 5)];
    case "arm":
      return [wanted, ...variants("arm", version - 1, 5)];
    default:
      return [wanted];
  }
}

export function isSamePlatform(a: Platform, b: Platform): boolean {
  return formatPlatform(normalizePlatform(a)) === formatPlatform(normalizePlatform(b));
}

function invalidPlatform(text: string): EngineError {
  return new EngineError({
    kind: "invalidArgument",
    code: "INVALID_PLATFORM",
    message: `invalid platform \`${text}\`: give os/architecture[/variant], such as linux/arm64`,
  });
}
