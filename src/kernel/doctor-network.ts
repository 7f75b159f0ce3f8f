import { existsSync } from "node:fs";
import { limited, missing, ok, readSmall } from "./doctor-item.ts";
import type { DoctorItem, DoctorSection } from "./doctor-report.ts";
import type { KernelConfig } from "./kernel-config.ts";

const FEATURES: readonly (readonly [name: string, option: string, module: string, without: string])[] = [
  ["bridge", "BRIDGE", "bridge", "containers have no network of their own beyond loopback"],
  ["veth", "VETH", "veth", "containers have no network of their own beyond loopback"],
  ["nftables", "NF_TABLES", "nf_tables", "ports can't be published, containers can't reach other hosts"],
  ["nftables NAT", "NFT_NAT", "nft_nat", "ports can't be published"],
  ["nftables masquerading", "NFT_MASQ", "nft_masq", "containers can't reach other hosts"],
  [
    "nftables packet duplication",
    "NFT_DUP_IPV4",
    "nft_dup_ipv4",
    "published ports go through a proxy process instead of the administrator's input rules",
  ],
];

/** What container networks will need. */
export function examineNetwork(config: KernelConfig): DoctorSection {
  const items: DoctorItem[] = FEATURES.map(([name, option, module, without]) => {
    const state = config.feature(option, module);
    if (state === "unknown") return limited(name, "this kernel's configuration is not readable", `if it is missing, ${without}`);
    return state === "absent" ? missing(name, "not in this kernel", `${without}; use a kernel with CONFIG_${option}`) : ok(name, state);
  });
  items.push(
    existsSync("/dev/net/tun")
      ? ok("tun", "/dev/net/tun")
      : limited("tun", config.feature("TUN", "tun"), "VPNs in containers (`--device /dev/net/tun`) fail; `modprobe tun`"),
  );
  const forward = readSmall("/proc/sys/net/ipv4/ip_forward");
  items.push(
    forward === "1"
      ? ok("IPv4 forwarding", "net.ipv4.ip_forward = 1")
      : limited(
          "IPv4 forwarding",
          `net.ipv4.ip_forward = ${forward ?? "?"}`,
          "containers will not reach other hosts; `sysctl net.ipv4.ip_forward=1`",
        ),
  );
  if (readSmall("/proc/sys/net/ipv4/conf/all/rp_filter") === "1") {
    items.push(
      limited(
        "reverse path filter",
        "net.ipv4.conf.all.rp_filter = 1 (strict)",
        "published ports go through a proxy process; 2 (loose) lets the kernel do it",
      ),
    );
  }
  return { title: "Network", items };
}
