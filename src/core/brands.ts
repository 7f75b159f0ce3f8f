declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** 64 lower-case hexadecimal digits. */
export type ContainerId = Branded<"ContainerId">;
/** `sha256:` and 64 lower-case hexadecimal digits: the digest of an image's configuration. */
export type ImageId = Branded<"ImageId">;
/** `sha256:` and 64 lower-case hexadecimal digits, of the bytes as stored. */
export type Digest = Branded<"Digest">;
/** A layer's digest, of its uncompressed tar. */
export type DiffId = Branded<"DiffId">;
/** An absolute path on the host, of Wherry's own making or named by the user; never one that a container chose. */
export type HostPath = Branded<"HostPath">;
/** An absolute path inside a container's root file system. */
export type ContainerPath = Branded<"ContainerPath">;
