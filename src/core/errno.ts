/** Linux error numbers by name, with the words of strerror(3) in lower case. The numbers are those of asm-generic, the same on x86-64 and arm64. */
const ERRNOS = {
  EPERM: [1, "operation not permitted"],
  ENOENT: [2, "no such file or directory"],
  ESRCH: [3, "no such process"],
  EINTR: [4, "interrupted system call"],
  EIO: [5, "input/output error"],
  ENXIO: [6, "no such device or address"],
  E2BIG: [7, "argument list too long"],
  ENOEXEC: [8, "exec format error"],
  EBADF: [9, "bad file descriptor"],
  ECHILD: [10, "no child processes"],
  EAGAIN: [11, "resource temporarily unavailable"],
  ENOMEM: [12, "cannot allocate memory"],
  EACCES: [13, "permission denied"],
  EFAULT: [14, "bad address"],
  ENOTBLK: [15, "block device required"],
  EBUSY: [16, "device or resource busy"],
  EEXIST: [17, "file exists"],
  EXDEV: [18, "invalid cross-device link"],
  ENODEV: [19, "no such device"],
  ENOTDIR: [20, "not a directory"],
  EISDIR: [21, "is a directory"],
  EINVAL: [22, "invalid argument"],
  ENFILE: [23, "too many open files in system"],
  EMFILE: [24, "too many open files"],
  ENOTTY: [25, "inappropriate ioctl for device"],
  ETXTBSY: [26, "text file busy"],
  EFBIG: [27, "file too large"],
  ENOSPC: [28, "no space left on device"],
  ESPIPE: [29, "illegal seek"],
  EROFS: [30, "read-only file system"],
  EMLINK: [31, "too many links"],
  EPIPE: [32, "broken pipe"],
  EDOM: [33, "numerical argument out of domain"],
  ERANGE: [34, "numerical result out of range"],
  EDEADLK: [35, "resource deadlock avoided"],
  ENAMETOOLONG: [36, "file name too long"],
  ENOLCK: [37, "no locks available"],
  ENOSYS: [38, "function not implemented"],
  ENOTEMPTY: [39, "directory not empty"],
  ELOOP: [40, "too many levels of symbolic links"],
  ENODATA: [61, "no data available"],
  EPROTO: [71, "protocol error"],
  EBADMSG: [74, "bad message"],
  EOVERFLOW: [75, "value too large for defined data type"],
  ELIBBAD: [80, "accessing a corrupted shared library"],
  EUSERS: [87, "too many users"],
  ENOTSOCK: [88, "socket operation on non-socket"],
  EMSGSIZE: [90, "message too long"],
  EPROTONOSUPPORT: [93, "protocol not supported"],
  EOPNOTSUPP: [95, "operation not supported"],
  EAFNOSUPPORT: [97, "address family not supported by protocol"],
  EADDRINUSE: [98, "address already in use"],
  EADDRNOTAVAIL: [99, "cannot assign requested address"],
  ENETDOWN: [100, "network is down"],
  ENETUNREACH: [101, "network is unreachable"],
  ECONNRESET: [104, "connection reset by peer"],
  ENOBUFS: [105, "no buffer space available"],
  EISCONN: [106, "transport endpoint is already connected"],
  ENOTCONN: [107, "transport endpoint is not connected"],
  ETIMEDOUT: [110, "connection timed out"],
  ECONNREFUSED: [111, "connection refused"],
  ESTALE: [116, "stale file handle"],
  EDQUOT: [122, "disk quota exceeded"],
  ECANCELED: [125, "operation canceled"],
  ENOKEY: [126, "required key not available"],
  EKEYEXPIRED: [127, "key has expired"],
  EKEYREVOKED: [128, "key has been revoked"],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

export type ErrnoName = keyof typeof ERRNOS;

/** The number of an error name, as in `<errno.h>`. */
export function errnoNumber(name: ErrnoName): number {
  return ERRNOS[name][0];
}

/** The name of an error number, or undefined for one that no operation of ours returns. */
export function errnoName(errno: number): ErrnoName | undefined {
  for (const [name, entry] of Object.entries(ERRNOS)) {
    if (entry[0] === errno) return name as ErrnoName;
  }
  return undefined;
}

/** What strerror(3) says, in lower case; `error N` for an unknown number. */
export function errnoText(errno: number): string {
  const name = errnoName(errno);
  return name === undefined ? `error ${errno}` : ERRNOS[name][1];
}
