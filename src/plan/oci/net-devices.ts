import { NETLINK_ROUTE } from "../kernel-flags.ts";
import { configInvalid, type PlanContext } from "../plan-context.ts";
import type { HostNetDevice } from "../plan-input.ts";

const RTM_NEWLINK = 16;
const RTM_NEWADDR = 20;
const NLM_F_REQUEST = 0x001;
const NLM_F_ACK = 0x004;
const NLM_F_REPLACE = 0x100;
const NLM_F_CREATE = 0x400;
const IFF_UP = 1;
const IFLA_IFNAME = 3;
const IFLA_NET_NS_PID = 19;
const IFLA_NEW_IFINDEX = 49;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_F_NODAD = 0x02;
const IFA_F_PERMANENT = 0x80;
const AF_INET = 2;
const AF_INET6 = 10;
const HEADER_BYTES = 16;
/** NETLINK's patch that stores the child's pid. */
const PATCH_CHILD_PID = 1;

/** Numbers that no network namespace gives by itself, so that the device is found by its number after the move (5.13). */
const INDEX_BASE = 0x1_0000;

/**
 * PARENT and CHILD, when the container has its network namespace: moves host interfaces into it under their new names, gives them back their
 * addresses, which the kernel takes away with the move, and raises them.
 * @see runtime-spec config-linux.md#network-devices, rtnetlink(7)
 */
export function moveNetDevices(context: PlanContext): void {
  const { plan, linux, own, joined, input } = context;
  const devices = Object.entries(linux.netDevices ?? {}).map(([host, { name = host }]) => ({ host, name: checkedName(name) }));
  if (devices.length === 0) return;
  if (!own.has("network") && !joined.has("network")) throw configInvalid("`linux.netDevices` needs a network namespace");
  if (new Set(devices.map(({ name }) => name)).size < devices.length) throw configInvalid("`linux.netDevices` gives a name twice");
  plan.child("GIVE", [[]], { why: "the network namespace is there" });
  plan.parent("TAKE", [[]], { why: "wait for the network namespace", doing: "wait for the container's network namespace" });
  for (const { host, name } of devices) {
    const device = input.netDevices?.[host];
    if (device === undefined) throw configInvalid(`\`linux.netDevices\`: this host has no interface \`${host}\``);
    const { message, pidOffset } = moveMessage(device.index, name);
    plan.parent("NETLINK", [NETLINK_ROUTE, message, patch(pidOffset)], {
      why: `interface ${host} goes into the container${name === host ? "" : ` as ${name}`}`,
      doing: `move the interface \`${host}\` into the container as \`${name}\``,
    });
  }
  plan.parent("GIVE", [[]], { why: "the interfaces are there" });
  plan.child("TAKE", [[]], { why: "wait for the interfaces", doing: "wait for the interfaces" });
  for (const { host, name } of devices) {
    const device = input.netDevices?.[host];
    if (device === undefined) continue;
    const messages = [upMessage(device.index), ...device.addresses.map((address) => addressMessage(device.index, address))];
    plan.child("NETLINK", [NETLINK_ROUTE, Buffer.concat(messages), new Uint8Array(0)], {
      why: `${name} up, with the addresses that it had`,
      doing: `raise the interface \`${name}\``,
    });
  }
}

/** Every network namespace has a `lo`: the kernel would rename after the move, and the device be lost. IFNAMSIZ is 16 with the final NUL. @see dev_valid_name() in net/core/dev.c */
function checkedName(name: string): string {
  if (/^(?!(?:\.{1,2}|lo)$)[^\s/:]{1,15}$/.test(name)) return name;
  throw configInvalid(`\`linux.netDevices\`: \`${name}\` is no name for an interface`);
}

function moveMessage(index: number, name: string): { readonly message: Buffer; readonly pidOffset: number } {
  const before = [
    linkHeader(index, 0),
    attribute(IFLA_IFNAME, Buffer.from(`${name}\0`)),
    attribute(IFLA_NEW_IFINDEX, u32(INDEX_BASE + index)),
  ];
  const pidOffset = HEADER_BYTES + before.reduce((sum, part) => sum + part.length, 0) + 4;
  return { message: netlinkMessage(RTM_NEWLINK, 0, [...before, attribute(IFLA_NET_NS_PID, u32(0))]), pidOffset };
}

function upMessage(index: number): Buffer {
  return netlinkMessage(RTM_NEWLINK, 0, [linkHeader(INDEX_BASE + index, IFF_UP)]);
}

/** Not tentative: it was in use a moment ago. */
function addressMessage(index: number, { address, prefix }: HostNetDevice["addresses"][number]): Buffer {
  const bytes = Buffer.from(address);
  const header = Buffer.alloc(8);
  header[0] = bytes.length === 4 ? AF_INET : AF_INET6;
  header[1] = prefix;
  header[2] = IFA_F_PERMANENT | (bytes.length === 4 ? 0 : IFA_F_NODAD);
  header.writeUInt32LE(INDEX_BASE + index, 4);
  const parts = [header, attribute(IFA_LOCAL, bytes), attribute(IFA_ADDRESS, bytes)];
  return netlinkMessage(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, parts);
}

/** struct ifinfomsg: flags that are set are changed, too. */
function linkHeader(index: number, flags: number): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(flags, 8);
  header.writeUInt32LE(flags, 12);
  return header;
}

function netlinkMessage(type: number, flags: number, parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(HEADER_BYTES + parts.reduce((sum, part) => sum + part.length, 0), 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK | flags, 6);
  return Buffer.concat([header, ...parts]);
}

/** Padded to four bytes. */
function attribute(type: number, value: Buffer): Buffer {
  const padded = Buffer.alloc(4 + ((value.length + 3) & ~3));
  padded.writeUInt16LE(4 + value.length, 0);
  padded.writeUInt16LE(type, 2);
  value.copy(padded, 4);
  return padded;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function patch(offset: number): Buffer {
  return Buffer.concat([u32(offset), u32(PATCH_CHILD_PID)]);
}
