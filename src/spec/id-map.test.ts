import { describe, expect, test } from "bun:test";
import { mountMappings } from "./id-map.ts";

const all = 0xffff_ffff;

describe("mountMappings()", () => {
  test("lets the container's root and an owner change places, and all others be", () => {
    expect(mountMappings({ kind: "owner", uid: 1000, gid: 1 }, null)).toEqual({
      uidMappings: [
        { containerID: 1000, hostID: 0, size: 1 },
        { containerID: 0, hostID: 1000, size: 1 },
        { containerID: 1, hostID: 1, size: 999 },
        { containerID: 1001, hostID: 1001, size: all - 1001 },
      ],
      gidMappings: [
        { containerID: 1, hostID: 0, size: 1 },
        { containerID: 0, hostID: 1, size: 1 },
        { containerID: 2, hostID: 2, size: all - 2 },
      ],
    });
  });

  test("changes nothing for root outside of a user namespace", () => {
    expect(mountMappings({ kind: "owner", uid: 0, gid: 0 }, null)).toBeNull();
    expect(mountMappings({ kind: "owner", uid: 0, gid: 0 }, { base: 100_000, size: 65_536 })?.uidMappings).toEqual([
      { containerID: 0, hostID: 100_000, size: 65_536 },
    ]);
  });

  test("counts from the container's first id in a user namespace; an owner beyond its size only becomes root", () => {
    const { uidMappings, gidMappings } = mountMappings({ kind: "owner", uid: 100_000, gid: 5 }, { base: 200_000, size: 65_536 }) ?? {};
    expect(uidMappings).toEqual([
      { containerID: 100_000, hostID: 200_000, size: 1 },
      { containerID: 1, hostID: 200_001, size: 65_535 },
    ]);
    expect(gidMappings?.[1]).toEqual({ containerID: 0, hostID: 200_005, size: 1 });
  });

  test("covers every id at most once on each side", () => {
    for (const uid of [0, 1, 2, 65_534, 65_535, 65_536, 4_000_000_000]) {
      const { uidMappings = [] } = mountMappings({ kind: "owner", uid, gid: 7 }, { base: 1000, size: 65_536 }) ?? {};
      for (const side of ["containerID", "hostID"] as const) {
        const sorted = uidMappings.toSorted((a, b) => a[side] - b[side]);
        for (const [index, range] of sorted.entries()) {
          const next = sorted[index + 1];
          expect({ uid, side, overlaps: next !== undefined && range[side] + range.size > next[side] }).toEqual({
            uid,
            side,
            overlaps: false,
          });
        }
      }
    }
  });

  test("takes ranges as they are, relative ones from the container's base, and refuses what is no id", () => {
    const range = { stored: 5, seen: 6, size: 7 };
    const option = { kind: "ranges", uids: [range], gids: [range] } as const;
    const user = { base: 1000, size: 10 };
    expect(mountMappings({ ...option, relative: false }, user)?.uidMappings).toEqual([{ containerID: 5, hostID: 6, size: 7 }]);
    expect(() => mountMappings({ ...option, relative: true }, user)).toThrow("invalid idmap range 5-6-7: there are ids 0 to 9");
    const small = [{ stored: 5, seen: 6, size: 1 }];
    expect(mountMappings({ ...option, uids: small, gids: small, relative: true }, user)?.gidMappings).toEqual([
      { containerID: 5, hostID: 1006, size: 1 },
    ]);
    expect(() => mountMappings({ ...option, uids: [{ stored: 0, seen: 0, size: 0 }], relative: false }, null)).toThrow(
      "invalid idmap range",
    );
    expect(() => mountMappings({ ...option, uids: [{ stored: all, seen: 0, size: 1 }], relative: false }, null)).toThrow(
      "invalid idmap range",
    );
  });
});
