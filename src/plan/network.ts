import { NETLINK_ROUTE } from "./kernel-flags.ts";
import type { PlanContext } from "./plan-context.ts";

const RTM_NEWLINK = 16;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const IFF_UP = 1;
const LOOPBACK_INDEX = 1;
const MESSAGE_BYTES = 32;

/** CHILD: `lo` is down in a new network namespace. Raising it gives it 127.0.0.1 and ::1. */
export function raiseLoopback(context: PlanContext): void {
  if (!context.own.has("network")) return;
  context.plan.child("NETLINK", [NETLINK_ROUTE, loopbackUp(), new Uint8Array(0)], {
    why: "loopback up, with 127.0.0.1 and ::1",
    doing: "raise the loopback interface",
  });
}

/** RTM_NEWLINK { index 1, flags IFF_UP, change IFF_UP }. @see rtnetlink(7) */
function loopbackUp(): Uint8Array {
  const message = new DataView(new ArrayBuffer(MESSAGE_BYTES));
  message.setUint32(0, MESSAGE_BYTES, true);
  message.setUint16(4, RTM_NEWLINK, true);
  message.setUint16(6, NLM_F_REQUEST | NLM_F_ACK, true);
  message.setUint32(8, 1, true); // sequence number
  message.setInt32(20, LOOPBACK_INDEX, true);
  message.setUint32(24, IFF_UP, true);
  message.setUint32(28, IFF_UP, true);
  return new Uint8Array(message.buffer);
}
