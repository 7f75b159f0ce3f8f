import { gzipSync, zstdCompressSync } from "node:zlib";
import { type RawMember, rawMember, rawTar } from "./raw-tar.ts";

/** What comes of an exploit: a clear error that matches, or nothing that does harm. */
export type Outcome = RegExp | "harmless";

export interface HostileLayer {
  readonly name: string;
  readonly tar: Buffer;
  /** As a root file system, and as an image's layer. */
  readonly image: Outcome;
  /** Unpacked into a container. */
  readonly copy: Outcome;
}

const directory = (name: string): RawMember => ({ name: `${name}/`, type: "5", mode: 0o755 });
const symlink = (name: string, link: string): RawMember => ({ name, type: "2", link });
const hardlink = (name: string, link: string): RawMember => ({ name, type: "1", link });
const file = (name: string, data = "hostile\n"): RawMember => ({ name, data });

const leaves = /leaves the archive's root/;

/** `victim` is a directory of the host that none of them may reach. */
export function hostileLayers(victim: string): readonly HostileLayer[] {
  const up = "../".repeat(30);
  const both = (name: string, tar: Buffer, outcome: Outcome): HostileLayer => ({ name, tar, image: outcome, copy: outcome });
  return [
    both("a name that climbs out", rawTar(file(`${up}${victim.slice(1)}/pwned`)), leaves),
    both("a name that climbs out on its way", rawTar(directory("a"), file("a/../../pwned")), leaves),
    both("a PAX path that climbs out", rawTar({ ...file("harmless"), pax: { path: `a/${up}pwned` } }), leaves),
    both("a GNU long name that climbs out", rawTar({ ...file("harmless"), longName: `${up}pwned` }), leaves),
    both("a directory that climbs out", rawTar(directory(`${up}pwned`)), leaves),
    both("an absolute name", rawTar(file(`${victim}/pwned`)), "harmless"),
    {
      ...both("a file through an absolute link", rawTar(symlink("out", victim), file("out/pwned")), "harmless"),
      copy: /no such file|cannot overwrite/,
    },
    {
      ...both("a file through a relative link", rawTar(symlink("out", `${up}${victim.slice(1)}`), file("out/pwned")), "harmless"),
      copy: /no such file|cannot overwrite/,
    },
    {
      ...both("a file through a link to a link", rawTar(symlink("b", victim), symlink("a", "b"), file("a/pwned")), "harmless"),
      copy: /no such file|cannot overwrite/,
    },
    {
      ...both(
        "a directory over a link, then a file in it",
        rawTar(symlink("out", victim), directory("out"), file("out/pwned")),
        "harmless",
      ),
      copy: /cannot overwrite non-directory/,
    },
    both("a file over a link", rawTar(symlink("out", `${victim}/secret`), file("out")), "harmless"),
    both(
      "a file through links that lead round",
      rawTar(symlink("a", "b"), symlink("b", "a"), file("a/pwned")),
      /too many levels|no such file|symbolic link/,
    ),
    both("a dangling link", rawTar(symlink("out", `${victim}/none`)), "harmless"),
    both("a link with a target of 5,000 bytes", rawTar({ ...symlink("a", "x"), pax: { linkpath: "x".repeat(5000) } }), /impossible target/),
    both("a hard link that climbs out", rawTar(hardlink("out", `${up}${victim.slice(1)}/secret`)), leaves),
    {
      ...both("a hard link to an absolute name", rawTar(hardlink("out", `${victim}/secret`)), /does not hold before it/),
      copy: /no such file|cannot overwrite/,
    },
    {
      ...both("a hard link through a link", rawTar(symlink("out", victim), hardlink("stolen", "out/secret")), /does not hold before it/),
      copy: /no such file|cannot overwrite/,
    },
    both("a hard link to a link, written to", rawTar(symlink("s", `${victim}/secret`), hardlink("h", "s"), file("h")), "harmless"),
    { ...both("a hard link to itself", rawTar(hardlink("a", "a")), /does not hold before it/), copy: /no such file|cannot overwrite/ },
    {
      ...both("hard links that lead round", rawTar(hardlink("a", "b"), hardlink("b", "a")), /does not hold before it/),
      copy: /no such file|cannot overwrite/,
    },
    both("a hard link to a directory", rawTar(directory("d"), hardlink("h", "d")), /operation not permitted|hard link/),
    {
      ...both(
        "a file where a directory was, and files in it",
        rawTar(directory("d"), file("d/x"), file("d"), file("d/y")),
        /leads through `d`, no directory/,
      ),
      copy: /cannot overwrite directory/,
    },
    { ...both("a directory where a file was", rawTar(file("d"), directory("d"), file("d/x")), "harmless"), copy: /cannot overwrite/ },
    both("an archive whose root is a file", rawTar(file("./")), "harmless"),
    both("an archive whose root is a link", rawTar(symlink(".", victim)), /root is not a directory/),
    both("the host's disk as a device for everybody", rawTar({ name: "disk", type: "4", mode: 0o666, major: 8, minor: 0 }), "harmless"),
    both("the kernel's memory as a device", rawTar({ name: "mem", type: "3", mode: 0o666, major: 1, minor: 1 }), "harmless"),
    both("a device with the largest numbers", rawTar({ name: "d", type: "3", major: 0o7777777, minor: 0o7777777 }), /./),
    { ...both("a whiteout of overlayfs in the archive", rawTar({ name: "etc", type: "3", major: 0, minor: 0 }), "harmless"), copy: /./ },
    both(
      "overlayfs's own attributes",
      rawTar({ ...directory("d"), pax: { "SCHILY.xattr.trusted.overlay.redirect": "/../..", "SCHILY.xattr.trusted.overlay.opaque": "y" } }),
      "harmless",
    ),
    {
      ...both("a whiteout of the parent directory", rawTar(directory("d"), file("d/.wh...")), /whiteout that names nothing/),
      copy: "harmless",
    },
    { ...both("a whiteout of nothing", rawTar(file(".wh.")), /whiteout that names nothing/), copy: "harmless" },
    both("a name of 5,000 bytes", rawTar({ ...file("x"), pax: { path: "n".repeat(5000) } }), /a name of 5000 bytes/),
    both("a component of 300 bytes", rawTar({ ...file("x"), pax: { path: "n".repeat(300) } }), /name too long|a component of 300 bytes/),
    both("a name with a NUL", rawTar({ ...file("x"), pax: { path: "a\0b" } }), /NUL|malformed|PAX/i),
    both("names of control characters", rawTar({ ...file("x"), pax: { path: "a\u001b[31mb\nc" } }), "harmless"),
    both("a PAX header of 2 MiB", rawTar({ ...file("x"), rawPax: Buffer.alloc(2 * 1024 * 1024, "9") }), /extended header of 2097152 bytes/),
    both("a PAX record longer than its header", rawTar({ ...file("x"), rawPax: "99999 path=y\n" }), /PAX|malformed|extended/i),
    both("a PAX record of no length", rawTar({ ...file("x"), rawPax: "0 path=y\n" }), /PAX|malformed|extended/i),
    both("a size of eight exbibytes", rawTar({ ...file("x"), pax: { size: "9223372036854775807" } }), /too early|absurd|number|range/i),
    both("a negative size", rawTar({ ...file("x"), size: Buffer.from([0xff, ...Array<number>(11).fill(0xff)]) }), /negative|number/i),
    both("a size that is no number", rawTar({ ...file("x"), size: "zzz" }), /number|octal/i),
    both("a file of more bytes than there are", rawTar({ ...file("x"), size: 1024 ** 3 }), /too early/),
    both("an owner beyond all owners", rawTar({ ...file("x"), pax: { uid: "99999999999" } }), /absurd uid/),
    both("a time beyond all times", rawTar({ ...file("x"), pax: { mtime: "9".repeat(18) } }), /malformed time/),
    both("an unknown kind of entry", rawTar({ ...file("x"), type: "Z" }), /unknown type of entry/),
    both(
      "a sparse map out of order",
      rawTar({ ...file("x", "12"), pax: { "GNU.sparse.map": "5,1,0,1", "GNU.sparse.size": "10" } }),
      /sparse map/,
    ),
    both(
      "a sparse map of more than is stored",
      rawTar({ ...file("x", "1"), pax: { "GNU.sparse.map": "0,9", "GNU.sparse.size": "10" } }),
      /sparse map/,
    ),
    both("an attribute of 100 kB", rawTar({ ...file("x"), pax: { "SCHILY.xattr.user.a": "a".repeat(100_000) } }), /./),
    both("the same name a thousand times", rawTar(...Array.from({ length: 1000 }, (_, index) => file("same", `${index}`))), "harmless"),
    both("directories 2,000 deep", rawTar({ ...directory("d"), pax: { path: "d/".repeat(2000) } }), "harmless"),
    both("no archive at all", Buffer.from("this is no tar archive".repeat(50)), /not a tar|checksum|header|number/i),
    both("an archive cut in the middle", rawTar(file("a"), file("b", "x".repeat(2000))).subarray(0, 2048), /too early/),
    both(
      "damaged gzip",
      Buffer.concat([gzipSync(rawTar(file("a"))).subarray(0, 40), Buffer.alloc(100, 7)]),
      /damaged or truncated gzip|not a tar header/,
    ),
    both("truncated zstd", zstdCompressSync(rawTar(file("a", "x".repeat(5000)))).subarray(0, 30), /damaged or truncated zstd/),
  ];
}

/** Small, until it is decompressed. */
export function bombs(bytes: number): readonly { readonly name: string; readonly tar: Buffer }[] {
  const tar = Buffer.concat([rawMember({ name: "bomb", size: bytes }), Buffer.alloc(bytes), Buffer.alloc(1024)]);
  return [
    { name: "a gzip bomb", tar: gzipSync(tar) },
    { name: "a zstd bomb", tar: zstdCompressSync(tar) },
  ];
}

/** As many entries as asked for, a thousand a directory. */
export async function* manyEntries(count: number): AsyncGenerator<Buffer> {
  const perChunk = 1000;
  for (let at = 0; at < count; at += perChunk) {
    const members = Array.from({ length: Math.min(perChunk, count - at) }, (_, index) => rawMember({ name: `many/${at}/${index}` }));
    yield Buffer.concat(members);
  }
  yield Buffer.alloc(1024);
}
