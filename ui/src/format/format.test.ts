import { describe, expect, it } from "vitest";
import { conditionsOf, filterOf } from "./conditions.ts";
import { cell, pretty, whole } from "./json.ts";
import { bytes, compact, millis, percent, plural, rate } from "./number.ts";
import { duration, relative } from "./time.ts";

describe("numbers", () => {
  it("shows sizes with the unit that fits", () => {
    expect([0, 512, 1024, 1536, 1_048_575, 5e9].map(bytes)).toEqual([
      "0 B",
      "512 B",
      "1.0 KiB",
      "1.5 KiB",
      "1.0 MiB",
      "4.7 GiB",
    ]);
  });

  it("shortens only what is long", () => {
    expect([0, 9999, 12_345, 3_400_000].map(compact)).toEqual(["0", "9,999", "12.3K", "3.4M"]);
    expect([0, 0.44, 9.5, 12.4, 15_000].map(rate)).toEqual(["0", "0.4", "9.5", "12", "15K"]);
  });

  it("never rounds to all or to nothing", () => {
    expect([0, 0.001, 0.5, 0.999, 1].map(percent)).toEqual(["0 %", "<1 %", "50 %", "99 %", "100 %"]);
  });

  it("counts and times in words", () => {
    expect([plural(1, "batch", "batches"), plural(2000, "record")]).toEqual(["1 batch", "2,000 records"]);
    expect([0.2, 82.4, 1400, 12_000].map(millis)).toEqual(["<1 ms", "82 ms", "1.4 s", "12 s"]);
  });
});

describe("times", () => {
  it("tells how long", () => {
    expect([0, 3.14, 9.96, 59.4, 60, 184, 3600, 7500, 90_000].map(duration)).toEqual([
      "0.0 s",
      "3.1 s",
      "10 s",
      "59 s",
      "1 min",
      "3 min 4 s",
      "1 h",
      "2 h 5 min",
      "1 d 1 h",
    ]);
  });

  it("tells how far from now", () => {
    const now = Date.UTC(2026, 0, 1);
    const at = (seconds: number) => relative(now + seconds * 1000, now);
    expect([1, 12, 65, -240, -7500, 172_800, -400_000].map(at)).toEqual([
      "just now",
      "in 12 s",
      "in 1 min",
      "4 min ago",
      "2 h 5 min ago",
      "in 2 d",
      "4 d ago",
    ]);
  });
});

describe("values of records", () => {
  it("shows any JSON value in a line, and whole", () => {
    expect([null, "a", 1, true, { a: [1] }].map(cell)).toEqual(["", "a", "1", "true", '{"a":[1]}']);
    expect(whole('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(whole("plain")).toBe("plain");
    expect(pretty("{broken")).toBe("{broken");
  });
});

describe("filters of records", () => {
  it("can be read back", () => {
    const conditions = [
      { column: "price", operator: ">=" as const, value: "10" },
      { column: "name", operator: "~" as const, value: 'a, "b" = c' },
      { column: "gone", operator: "!=" as const, value: "null" },
    ];
    expect(filterOf(conditions)).toBe('price>=10,name~"a, ""b"" = c",gone!=null');
    expect(conditionsOf(filterOf(conditions))).toEqual(conditions);
  });

  it("leaves out what is no condition", () => {
    expect(conditionsOf("nonsense,=x,a=")).toEqual([{ column: "a", operator: "=", value: "" }]);
  });
});
