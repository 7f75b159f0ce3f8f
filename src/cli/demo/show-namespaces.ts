import { hostname } from "node:os";
import { cgroupOf, namespaceOf, networkInterfaces, processCount, uptimeSeconds, userOf } from "./host-view.ts";
import { eventually, parseFacts, type Stage } from "./stage.ts";

const kinds = ["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"] as const;

const probe = `
echo "hostname $(hostname)"
echo "pid $$"
echo "processes $(ls -d /proc/[0-9]* | wc -l)"
echo "user $(id -u)"
read up idle < /proc/uptime; echo "uptime $up"
echo "cgroup $(tail -n 1 /proc/self/cgroup)"
echo "network $(echo $(ls /sys/class/net))"
echo "root $(echo $(ls /))"
echo "queues $(ls /dev/mqueue | wc -l)"
for kind in ${kinds.join(" ")}; do echo "ns-$kind $(readlink /proc/self/ns/$kind)"; done
echo "ready yes"
exec sleep 600
`;

/** Chapter one: the eight namespaces, the same thing seen from inside and outside. */
export async function showNamespaces(stage: Stage): Promise<void> {
  await stage.chapter("Namespaces: what a container sees");
  const { id, pid } = await stage.start(probe, { hostname: "wherry-demo", namespaces: { user: "auto" } });
  const inside = await eventually(async () => {
    let text = "";
    for await (const entry of stage.engine.containers.logs(id, { stdout: true, stderr: true }))
      text += Buffer.from(entry.bytes).toString("utf8");
    const facts = parseFacts(text);
    return facts.has("ready") ? facts : undefined;
  }, 10_000);
  const seen = (key: string) => inside?.get(key) ?? "nothing";

  await stage.claim("UTS: a host name of its own", `inside ${seen("hostname")}, outside ${hostname()}`, seen("hostname") === "wherry-demo");
  await stage.claim("PID: its first process is number 1", `inside ${seen("pid")}, outside ${pid}`, seen("pid") === "1" && pid !== 1);
  const count = processCount();
  await stage.claim(
    "PID: other processes are not there",
    `${seen("processes")} inside, ${count} outside`,
    Number(seen("processes")) < Math.min(count, 10),
  );
  await stage.claim(
    "mount: a root file system of its own",
    `/ holds ${seen("root").split(" ").slice(0, 6).join(" ")} …`,
    seen("root").includes("proc"),
  );
  await stage.claim(
    "network: only a loopback interface",
    `inside ${seen("network")}, outside ${networkInterfaces().join(" ")}`,
    seen("network") === "lo",
  );
  await stage.claim(
    "IPC: message queues of its own",
    `${seen("ns-ipc")} inside, ${namespaceOf("self", "ipc")} outside`,
    seen("queues") === "0" && seen("ns-ipc") !== namespaceOf("self", "ipc"),
  );
  const uid = userOf(pid);
  await stage.claim(
    "user: root inside is nobody outside",
    `uid ${seen("user")} inside, ${uid} outside`,
    seen("user") === "0" && uid >= 65_536,
  );
  const group = seen("cgroup").split(":").slice(2).join(":");
  await stage.claim(
    "cgroup: its own group looks like the top",
    `inside ${group}, outside ${shorten(cgroupOf(pid))}`,
    group === "/" && cgroupOf(pid) !== "/",
  );
  await stage.claim(
    "time: its clock starts with it",
    `up ${seen("uptime")} s inside, ${Math.floor(uptimeSeconds())} s outside`,
    Number(seen("uptime")) < 60,
  );
  const differing = kinds.filter((kind) => namespaceOf(pid, kind) !== namespaceOf("self", kind));
  await stage.claim("all eight differ from the host's", differing.join(" "), differing.length === kinds.length);
  await stage.end(id);
}

function shorten(path: string): string {
  return path.replace(/([0-9a-f]{12})[0-9a-f]{52}/, "$1…");
}
