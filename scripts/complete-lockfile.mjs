// Adds to package-lock.json the optional platform packages that npm left out because the registry in reach does not carry them
// (a mirror with Linux packages only). Without their entries `npm ci` refuses the lock file everywhere. Run it after `npm install PACKAGE`.
import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(file, "utf8"));
const packages = lock.packages;
const systems = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const processors = {
  arm64: "arm64",
  x64: "x64",
  ia32: "ia32",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  arm: "arm",
  aarch64: "arm64",
};

for (const [path, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (packages[`node_modules/${name}`] || packages[`${path}/node_modules/${name}`]) continue;
    const words = name.split("/").at(-1).split("-");
    packages[`node_modules/${name}`] = {
      version,
      cpu: words.filter((word) => word in processors).map((word) => processors[word]),
      dev: true,
      ...(words.includes("musl") || words.includes("musleabihf") ? { libc: ["musl"] } : {}),
      optional: true,
      os: systems.filter((system) => words.includes(system)),
    };
    console.log(`added ${name}@${version}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
