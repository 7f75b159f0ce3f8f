// Only chooses: what is imported here, each of the three loads, and so does whoever calls a runtime ten times for one container.

// The runtime leaves SIGPIPE deadly. With a handler the write fails with EPIPE instead, and `rm a b c | head -1` still removes all three.
process.on("SIGPIPE", () => {});

const args = process.argv.slice(2);

// `oci` also by what other engines are given as the path of their runtime: a link to this program with one of these names.
if (args[0] === "internal") {
  const { internalMain } = await import("../internal/main.ts");
  process.exit(await internalMain(args.slice(1)));
} else if (args[0] === "oci" || /(^|\/)wherry-(oci|runc)$/.test(process.argv0)) {
  const { ociMain } = await import("../oci/main.ts");
  process.exit(await ociMain(args[0] === "oci" ? args.slice(1) : args));
} else {
  const { cliMain } = await import("./cli-main.ts");
  await cliMain(args);
}
