/** A classic BPF program (`struct sock_filter` each, little endian) and the flags of seccomp(2) SECCOMP_SET_MODE_FILTER. */
export interface SeccompProgram {
  readonly program: Uint8Array;
  readonly flags: number;
}
