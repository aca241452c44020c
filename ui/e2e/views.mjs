// Recent, sentiment and trending of a dataset that has a view; there must be one with sentiment and groups.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, closePage, datasetWith, fitsTheScreen, NARROW, open, openPage, shot } from "./browser.mjs";

const dataset = await datasetWith("with a view", ({ view }) => view?.sentiment && view.group_by);
const path = `/data/${encodeURIComponent(dataset.name)}`;
const of = (what) => `/datasets/${encodeURIComponent(dataset.name)}/${what}`;

test("recent rows are filtered by group, label and words, and looked at whole", async () => {
  const { view } = dataset;
  const label = `${view.sentiment}_label`;
  const first = (await api(of("recent?limit=1"))).items[0];
  const page = await openPage();
  await open(page, path);
  const rows = page.locator(".post");
  await rows.first().waitFor();
  await rows.first().getByRole("heading").getByRole("button").click();
  assert.deepEqual(JSON.parse(await page.getByRole("dialog").locator("pre").innerText()), first);
  await page.keyboard.press("Escape");

  const group = String(first[view.group_by]);
  await page.getByLabel(view.group_by).selectOption(group);
  await page.getByLabel("Sentiment", { exact: true }).selectOption(first[label]);
  await page.waitForURL(/label=/);
  await page.waitForFunction(
    ([wanted, mood]) => {
      const posts = [...document.querySelectorAll(".post")];
      return (
        posts.length > 0 &&
        posts.every(
          (post) =>
            post.querySelector(".inline-facts b").textContent === wanted &&
            post.querySelector(".badge").textContent === mood,
        )
      );
    },
    [group, first[label]],
  );
  await page.getByLabel("Words").fill("no such words anywhere");
  await page.getByText("No row is like that.").waitFor();
  await page.getByLabel("Words").fill("");
  await rows.first().waitFor();
  await closePage(page);
});

test("sentiment is shown over time and by group", async () => {
  const page = await openPage();
  await open(page, `${path}?tab=sentiment`);
  await page.getByText("30 days").click();
  await page.waitForURL(/window=30d/);
  // Also when it is the first thing that is asked for, twice: for the choice of groups too.
  await open(page, `${path}?tab=sentiment&window=30d`);
  const stats = await api(of("sentiment/stats?window=30d&bucket=1d"));
  await page.locator(".chart canvas").waitFor();
  const words = await page.locator(".chart [role=img]").getAttribute("aria-label");
  assert.match(words, new RegExp(`over ${stats.series.length} steps: negative`));
  const row = (name) =>
    page.getByRole("row").filter({ has: page.getByRole("button", { name, exact: true }) });
  for (const { group, records } of stats.groups) {
    await row(group).getByText(records.toLocaleString("en"), { exact: true }).first().waitFor();
  }
  // A press on a group shows only this one.
  await page.getByRole("button", { name: stats.groups[0].group, exact: true }).click();
  await page.waitForURL(/group=/);
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  await closePage(page);
});

test("what trends leads to what was said", async () => {
  const page = await openPage({ size: NARROW, dark: true });
  await open(page, `${path}?tab=trending&window=7d`);
  const terms = page.getByRole("list", { name: "Terms by their growth" });
  await terms.locator("li").first().waitFor();
  await fitsTheScreen(page);
  await shot(page, "views-0-trending-phone");
  const term = await terms.getByRole("link").first().innerText();
  await terms.getByRole("link").first().click();
  await page.waitForURL(/tab=recent/);
  assert.equal(await page.getByLabel("Words").inputValue(), term);
  await closePage(page);
});
