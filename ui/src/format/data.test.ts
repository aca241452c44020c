import { describe, expect, it } from "vitest";
import { byType, sideOf } from "./failure.ts";
import { kindOf, parsed, typed } from "./field.ts";
import { momentOf } from "./moment.ts";
import { money } from "./money.ts";
import { compound, growth } from "./mood.ts";
import { addressOf, differences, keyOf, keyWords, nameOf } from "./record.ts";
import { scheduleWords } from "./schedule.ts";

describe("times of records", () => {
  it("are seconds, milliseconds or words", () => {
    const at = "2026-11-23T08:00:00.000Z";
    const seconds = Date.parse(at) / 1000;
    for (const value of [
      seconds,
      seconds * 1000,
      `${seconds}`,
      `${seconds}.0`,
      "2026-11-23T09:00:00+01:00",
    ]) {
      expect(momentOf(value)).toBe(at);
    }
    for (const value of [null, undefined, "soon", {}, true]) expect(momentOf(value)).toBeUndefined();
  });
});

describe("scores and amounts", () => {
  it("carry their sign", () => {
    expect([0.421, -0.07, 0.001, -0.001, 1].map(compound)).toEqual([
      "+0.42",
      "−0.07",
      "0.00",
      "0.00",
      "+1.00",
    ]);
  });

  it("say what is new, and how much the rest has grown", () => {
    expect(growth(32, 10)).toBe("×3.2");
    expect(growth(1400, 1)).toBe("×1,400");
    expect(growth(12, 0)).toBe("new");
  });

  it("keep what a single request costs", () => {
    expect([5, 0.0025, 1234.5, 0].map(money)).toEqual(["5.00", "0.0025", "1,234.50", "0.00"]);
  });
});

describe("records", () => {
  const column = (name: string, primary_key = false) => ({ name, type: "TEXT", primary_key });

  it("have a name, by what names them or by their first value", () => {
    expect(nameOf({ id: 1, title: "A lamp" })).toBe("A lamp");
    expect(nameOf({ id: 1, headline: "News", title: " " }, ["headline"])).toBe("News");
    expect(nameOf({ _busta_run: "r", id: 17 })).toBe("17");
    expect(nameOf({})).toBe("a record");
  });

  it("lead to the web and to nothing else", () => {
    expect(addressOf({ item_url: "https://shop.example/1" })).toBe("https://shop.example/1");
    for (const url of ["javascript:alert(1)", "/r/rust", "data:text/html,x", 7, null]) {
      expect(addressOf({ url })).toBeUndefined();
    }
    expect(addressOf({ curl: "https://a.example" })).toBeUndefined();
  });

  it("are told apart by their key", () => {
    const columns = [column("country", true), column("code", true), column("name")];
    const key = keyOf({ code: "B01", country: "DE", name: "x" }, columns);
    expect(key).toEqual({ country: "DE", code: "B01" });
    expect([keyWords(key), keyWords({ id: 7 }), keyWords("7")]).toEqual(["country DE, code B01", "7", "7"]);
  });

  it("differ in what is the data's", () => {
    const before = { id: 1, price: 5, tags: ["a"], gone: true, _busta_run: "r1" };
    const after = { id: 1, price: 6, tags: ["a"], note: "new", _busta_run: "r2" };
    expect(differences(before, after)).toEqual([
      { column: "price", before: 5, after: 6 },
      { column: "gone", before: true, after: undefined },
      { column: "note", before: undefined, after: "new" },
    ]);
  });
});

describe("fields", () => {
  it("are read as what their column holds", () => {
    expect(["INTEGER", "REAL", "BOOLEAN", "JSON", "VARCHAR(20)", "TEXT[]"].map(kindOf)).toEqual([
      "number",
      "number",
      "boolean",
      "json",
      "text",
      "json",
    ]);
    expect(parsed("12.5", "number")).toEqual({ value: 12.5 });
    expect(parsed("", "number")).toEqual({ value: null });
    expect(parsed("12 lamps", "number")).toHaveProperty("problem");
    expect(parsed(" ", "number")).toHaveProperty("problem");
    expect(parsed('{"a": [1]}', "json")).toEqual({ value: { a: [1] } });
    expect(parsed("{a}", "json")).toHaveProperty("problem");
    expect(parsed("false", "boolean")).toEqual({ value: false });
    expect(parsed("17", "text")).toEqual({ value: "17" });
  });

  it("give back what they were given", () => {
    for (const [value, type] of [
      [12.5, "REAL"],
      [{ a: 1 }, "JSON"],
      [true, "BOOLEAN"],
      ["x", "TEXT"],
      [null, "TEXT"],
    ] as const) {
      expect(parsed(typed(value), kindOf(type))).toEqual({ value });
    }
  });
});

describe("failures", () => {
  const group = (kind: string, stage: string, count: number, reason: string) => ({
    title: reason,
    count,
    first_at: "",
    last_at: "",
    runs: [],
    example: { id: "1", run_id: "r", source: "s", stream: "t", split: "p", at: "", kind, stage, reason },
  });

  it("are of whom they have to be mended by", () => {
    expect(["read", "parse", "transform", "write"].map(sideOf)).toEqual(["api", "parse", "parse", "write"]);
  });

  it("are summed up by kind and stage", () => {
    const groups = [
      group("auth", "read", 2, "a"),
      group("data", "parse", 3, "b"),
      group("auth", "read", 4, "c"),
    ];
    expect(byType(groups)).toEqual([
      { kind: "auth", stage: "read", count: 6, example: "a" },
      { kind: "data", stage: "parse", count: 3, example: "b" },
    ]);
  });
});

describe("schedules", () => {
  it("are said as people say them", () => {
    const said: [string, string][] = [
      ["every 30m", "every 30 minutes"],
      ["every 1d", "every day"],
      ["auto (5m to 6h)", "as often as there is something new: every 5 minutes to every 6 hours"],
      ["cron 0 6 * * 1-5 (America/New_York)", "at 06:00, Monday to Friday (America/New_York)"],
      ["cron 5 6,18 * * * (UTC)", "at 06:05 and 18:05, every day (UTC)"],
      ["cron */10 * * * * (UTC)", "every 10 minutes (UTC)"],
      ["cron 15 */2 * * sat,sun (UTC)", "every 2 hours at :15, on Saturday and Sunday (UTC)"],
      ["cron 0 4 1 * * (UTC)", "at 04:00, on day 1 of each month (UTC)"],
    ];
    for (const [text, words] of said) expect(scheduleWords(text)).toBe(words);
  });

  it("stay as they are where they are not usual", () => {
    for (const text of [
      "cron 0 0 4 * * * (UTC)",
      "cron 0 4 1 1 * (UTC)",
      "cron 1-5 4 * * 2L (UTC)",
      "auto",
    ]) {
      expect(scheduleWords(text)).toBe(text);
    }
  });
});
