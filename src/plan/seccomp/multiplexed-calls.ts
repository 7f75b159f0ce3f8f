/** A call that i386 programs may also make through another, whose first argument selects it. */
export interface MultiplexedCall {
  readonly through: "socketcall" | "ipc";
  readonly selector: number;
}

const socketCalls =
  "socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg";

const ipcCalls: readonly (readonly [string, number])[] = [
  ["semop", 1],
  ["semget", 2],
  ["semctl", 3],
  ["semtimedop", 4],
  ["msgsnd", 11],
  ["msgrcv", 12],
  ["msgget", 13],
  ["msgctl", 14],
  ["shmat", 21],
  ["shmdt", 22],
  ["shmget", 23],
  ["shmctl", 24],
];

/** By name. Numbers: linux/net.h SYS_*, linux/ipc.h. */
export const multiplexedCalls: ReadonlyMap<string, MultiplexedCall> = new Map<string, MultiplexedCall>([
  ...socketCalls.split(" ").map((name, index): [string, MultiplexedCall] => [name, { through: "socketcall", selector: index + 1 }]),
  ...ipcCalls.map(([name, selector]): [string, MultiplexedCall] => [name, { through: "ipc", selector }]),
]);
