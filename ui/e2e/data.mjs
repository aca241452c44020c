import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { api, closePage, open, openPage, shot } from "./browser.mjs";

const isKey = (column) => column.primary_key;

/** The table with most rows, of those where one column tells a row. */
async function largest() {
  const { items: datasets } = await api("/datasets");
  for (const { name } of datasets.toSorted((a, b) => b.rows - a.rows)) {
    const schema = await api(`/datasets/${encodeURIComponent(name)}`);
    if (schema.columns.filter(isKey).length === 1) return { name, schema };
  }
  return assert.fail("a table with a key of one column is needed");
}

/** The rows that are shown now, once they are others than before. */
async function rows(page) {
  return page.locator(".records tbody tr").allInnerTexts();
}

test("records are paged, sorted and filtered; a cell is shown whole", async () => {
  const { name, schema } = await largest();
  const key = schema.columns.find(isKey);
  const page = await openPage();
  await open(page, `/data/${encodeURIComponent(name)}?limit=25`);
  await page.locator(".records tbody tr").first().waitFor();
  const first = await rows(page);

  const next = page.getByRole("button", { name: "Next" });
  if (await next.isEnabled()) {
    await next.click();
    await page.getByText("page 2").waitFor();
    await page.waitForFunction(
      (text) => document.querySelector(".records tbody tr")?.innerText !== text,
      first[0],
    );
    await page.getByRole("button", { name: "Back" }).click();
    await page.waitForFunction(
      (text) => document.querySelector(".records tbody tr")?.innerText === text,
      first[0],
    );
  }

  const heading = page.getByRole("columnheader", { name: key.name, exact: true });
  await heading.getByRole("button").click();
  await page.waitForURL(/order=/);
  await heading.getByRole("button").click();
  await page.waitForURL(/order=-/);
  await page.locator(`th[aria-sort=descending]`).waitFor();

  // A filter for one record, by its key.
  const [record] = (await api(`/datasets/${encodeURIComponent(name)}/records?limit=1`)).items;
  await page.getByRole("button", { name: "Condition" }).click();
  await page.getByLabel("Column").selectOption(key.name);
  await page.getByLabel("Value").fill(String(record[key.name]));
  await page.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL(/filter=/);
  await page.waitForFunction(() => document.querySelectorAll(".records tbody tr").length === 1);
  await page.getByRole("button", { name: "Show record 1 whole" }).click();
  const shown = JSON.parse(await page.getByRole("dialog").locator("pre").innerText());
  assert.deepEqual(shown, record);
  await shot(page, "data-0-record");
  await closePage(page);
});

test("a table is downloaded in each form", async () => {
  const { name } = await largest();
  const page = await openPage();
  await open(page, `/data/${encodeURIComponent(name)}`);
  const read = {
    CSV: (text) => text.split("\n")[0].split(",").length,
    JSON: (text) => JSON.parse(text).length,
    NDJSON: (text) =>
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)).length,
  };
  for (const [format, count] of Object.entries(read)) {
    const waiting = page.waitForEvent("download");
    const words = page.locator(".export").getByText(format, { exact: true });
    await words.click();
    const download = await waiting;
    assert.match(download.suggestedFilename(), new RegExp(`\\.${format.toLowerCase()}$`));
    assert.ok(count(readFileSync(await download.path(), "utf8")) > 0, format);
  }
  await closePage(page);
});
