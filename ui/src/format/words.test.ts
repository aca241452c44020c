import { describe, expect, it } from "vitest";
import { splitWords } from "./split.ts";
import { byTelling } from "./subject.ts";
import { shortUrl } from "./url.ts";

describe("names of splits", () => {
  it("say what the source has named, decoded and without their hash", () => {
    expect(splitWords("sellers@listings/B08/163.65/T614%20Headset~e7d3a6cad787f271#1")).toBe(
      "sellers@listings/B08/163.65/T614 Headset",
    );
  });
  it("stay as they are if they are no code", () => {
    expect(splitWords("100%/of~it")).toBe("100%/of~it");
  });
});

describe("addresses", () => {
  it("stay whole while they are short", () => {
    expect(shortUrl("https://a.example/x?page=2")).toBe("https://a.example/x?page=2");
  });
  it("keep their host and their end", () => {
    const end = "&offset=0&limit=100";
    expect(shortUrl(`https://a.example:8443/search?q=${"x".repeat(100)}${end}`)).toMatch(
      /^https:\/\/a\.example:8443\/…x+&offset=0&limit=100$/,
    );
  });
});

describe("what a split is about", () => {
  it("begins with what people read", () => {
    const subject = { asin: "B0X1", price: "10.5", title: "USB hub, 7 ports", subreddit: "rust" };
    expect(byTelling(subject).map(([name]) => name)).toEqual(["title", "asin", "price", "subreddit"]);
  });
});
