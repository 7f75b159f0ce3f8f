import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { run } from "./image-root.ts";

/** Where a builder puts its images, and what it builds from. */
export interface BuildPlace {
  readonly directory: string;
  /** Docker's daemon: `unix:///…`. */
  readonly docker: string;
}

/** Builds an image of a context's Dockerfile under the name, which docker's daemon or the builder's own store then has. */
export type Build = (place: BuildPlace, context: string, name: string) => Promise<void> | void;

const storage = ({ directory }: BuildPlace, program: string): string[] => [
  "--root",
  `${directory}/${program}/root`,
  "--runroot",
  `${directory}/${program}/run`,
  ...(program === "podman" ? ["--tmpdir", `${directory}/${program}/tmp`] : []),
];
const buildahLike =
  (program: "buildah" | "podman", flags: readonly string[], pushFlags: readonly string[] = []): Build =>
  (place, context, name) => {
    run(program, ...storage(place, program), "build", "--isolation=chroot", "--tls-verify=false", ...flags, "-t", name, context);
    const image = program === "buildah" ? [name] : ["-q", name];
    run(program, ...storage(place, program), "push", "--tls-verify=false", ...pushFlags, ...image);
  };

/** Each leaves the image in the registry that its name tells. */
export const builders: Readonly<Record<string, Build>> = {
  "docker's classic builder": ({ docker }, context, name) => {
    run("env", "DOCKER_BUILDKIT=0", "docker", "-H", docker, "build", "-q", "--network=none", "-t", name, context);
    run("docker", "-H", docker, "push", "-q", name);
  },
  // Docker's client hands it on only with its plugin buildx; the daemon has it in itself.
  BuildKit: async ({ docker, directory }, context, name) => {
    run("tar", "-C", context, "-cf", `${directory}/context.tar`, ".");
    const query = new URLSearchParams({ version: "2", networkmode: "none", t: name });
    const said = await post(docker, `/v1.41/build?${query.toString()}`, readFileSync(`${directory}/context.tar`));
    if (!said.includes(`Successfully tagged ${name}`)) throw new Error(said);
    run("docker", "-H", docker, "push", "-q", name);
  },
  "buildah, OCI": buildahLike("buildah", ["--format=oci"]),
  "buildah, docker's format": buildahLike("buildah", ["--format=docker", "--layers"]),
  "podman build": buildahLike("podman", ["--layers"]),
  "podman build, zstd": buildahLike("podman", ["--layers"], ["--compression-format=zstd"]),
};

/** An index of images that are in the registry, by platform, made and pushed there by buildah. */
export function makeIndex(place: BuildPlace, name: string, images: Readonly<Record<string, string>>): void {
  const manifest = (...args: readonly string[]) => run("buildah", ...storage(place, "buildah"), "manifest", ...args);
  manifest("create", name);
  for (const [platform, image] of Object.entries(images)) {
    const [os = "", arch = ""] = platform.split("/");
    manifest("add", "--tls-verify=false", "--os", os, "--arch", arch, name, `docker://${image}`);
  }
  manifest("push", "-q", "--tls-verify=false", name, `docker://${name}`);
}

/** Removes what buildah and podman stored. */
export function removeBuilt(place: BuildPlace): void {
  for (const program of ["buildah", "podman"]) {
    if (!existsSync(`${place.directory}/${program}/root`)) continue;
    run(program, ...storage(place, program), "rmi", "--all", "--force");
    run("sh", "-c", `umount ${place.directory}/${program}/root/overlay 2>/dev/null || true`);
  }
}

function post(socket: string, path: string, body: Buffer): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = { "content-type": "application/x-tar", "content-length": body.length };
  const sent = request({ socketPath: socket.replace("unix://", ""), method: "POST", path, headers }, (answer) => {
    let said = "";
    answer.setEncoding("utf8").on("data", (text: string) => (said += text));
    answer.on("end", () => resolve(said)).on("error", reject);
  });
  sent.on("error", reject).end(body);
  return promise;
}

/** A context whose Dockerfile has every instruction that says something about an image, from nothing but busybox. */
export function makeBuildContext(directory: string): string {
  const context = `${directory}/context`;
  mkdirSync(`${context}/sub`, { recursive: true });
  copyFileSync(existsSync("/bin/busybox") ? "/bin/busybox" : "/usr/bin/busybox", `${context}/busybox`);
  writeFileSync(`${context}/sub/a`, "hello\n");
  symlinkSync("a", `${context}/sub/link`);
  writeFileSync(
    `${context}/Dockerfile`,
    `FROM scratch
ARG V=3
LABEL a=1 b="two words"
ENV PATH=/bin:/sbin FOO="a b"
COPY busybox /bin/busybox
RUN ["/bin/busybox","--install","-s","/bin"]
RUN mkdir -p /tmp /etc /data/x && echo v$V > /etc/v && ln /etc/v /etc/v2 && echo 'app:x:1000:1000::/home/app:/bin/sh' > /etc/passwd
ADD sub /sub
COPY --chown=1000:1000 sub/a /data/x/a
RUN rm -r /sub && mkdir /sub && echo new > /sub/b
VOLUME /data /var/lib/x
EXPOSE 80 53/udp
WORKDIR /home/app
USER app
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --retries=2 CMD true
SHELL ["/bin/sh","-ec"]
ONBUILD RUN echo hi
MAINTAINER me
ENTRYPOINT ["/bin/sh","-c"]
CMD ["id; cat /etc/v /etc/v2 /sub/b /data/x/a; ls /data /sub; stat -c '%n %a %u %g' /data /data/x/* /sub/* /bin/sh; pwd; env | sort | grep -v HOSTNAME"]
`,
  );
  return context;
}

/** The layout of an image that umoci made and changed, under the tag `1`. */
export function makeUmociLayout(directory: string): string {
  const layout = `${directory}/umoci`;
  const image = `${layout}:1`;
  const bundle = `${directory}/umoci-bundle`;
  const root = `${bundle}/rootfs`;
  run("umoci", "init", "--layout", layout);
  run("umoci", "new", "--image", image);
  run("umoci", "unpack", "--image", image, bundle);
  mkdirSync(`${root}/bin`);
  copyFileSync(existsSync("/bin/busybox") ? "/bin/busybox" : "/usr/bin/busybox", `${root}/bin/busybox`);
  for (const name of ["sh", "cat", "ls", "id", "env"]) symlinkSync("busybox", `${root}/bin/${name}`);
  run("umoci", "repack", "--refresh-bundle", "--image", image, bundle);
  run("sh", "-c", `rm ${root}/bin/env && echo umoci > ${root}/who`);
  run("umoci", "repack", "--image", image, bundle);
  const flags = { env: "A=b", label: "x=y", user: "1000:7", volume: "/v", workingdir: "/w", exposedports: "8/tcp", stopsignal: "SIGINT" };
  const config = Object.entries(flags).flatMap(([name, value]) => [`--config.${name}`, value]);
  for (const word of ["/bin/sh", "-c", "id; cat /who; ls /bin; pwd; echo $A"]) config.push("--config.cmd", word);
  run("umoci", "config", "--image", image, "--author", "me", ...config);
  return layout;
}
