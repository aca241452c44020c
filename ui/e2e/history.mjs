// Grid, history and diff of a dataset whose changes are logged; there must be one with rows.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  api,
  closePage,
  datasetWith,
  fitsTheScreen,
  NARROW,
  open,
  openPage,
  shot,
  until,
} from "./browser.mjs";

const dataset = await datasetWith("with a change log", ({ history, rows }) => history && rows > 3);
const path = `/data/${encodeURIComponent(dataset.name)}`;
const of = (what) => `/datasets/${encodeURIComponent(dataset.name)}${what}`;
const count = async () => (await api(of(""))).rows;

test("rows are chosen, removed, and come back", async () => {
  const before = await count();
  const page = await openPage();
  await open(page, `${path}?limit=25`);
  await page.locator(".records tbody tr").first().waitFor();
  const all = page.getByRole("checkbox", { name: "Select all on this page" });
  await all.check();
  const shown = await page.locator(".records tbody tr.chosen").count();
  await page.getByText(`${shown} rows selected`).waitFor();
  // One of them stays: then it is neither all nor none.
  await page.locator(".records tbody [type=checkbox]").first().uncheck();
  assert.ok(await all.evaluate((box) => box.indeterminate));
  await shot(page, "grid-0-chosen");
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  const toast = page.locator(".toast");
  await toast.getByText(`${shown - 1} rows removed.`).waitFor();
  assert.equal(await count(), before - shown + 1);
  await shot(page, "grid-1-removed");
  await toast.getByRole("button", { name: "Undo" }).click();
  await page.getByText(/^Undone/).waitFor();
  assert.equal(await count(), before);
  await closePage(page);
});

test("a row is found, looked at, and edited; its past says so", async () => {
  const [record] = (await api(of("/records?limit=1"))).items;
  const column = dataset.columns.find(
    ({ name, primary_key: key, type }) => !key && /text|char/i.test(type) && typeof record[name] === "string",
  );
  const page = await openPage();
  await open(page, path);
  await page.getByLabel("In", { exact: true }).selectOption(column.name);
  await page.getByLabel("Search").fill(record[column.name]);
  await page.waitForURL(/q=/);
  const row = page.locator(".records tbody tr").first();
  await row.waitFor();
  // The keyboard is enough to see it in short; Escape hides it.
  await page.getByRole("combobox", { name: "Rows" }).focus();
  for (let press = 0; press < 60; press += 1) {
    await page.keyboard.press("Tab");
    if (await page.locator("[aria-label='Show record 1 whole']:focus").count()) break;
  }
  await page.getByRole("tooltip").waitFor();
  await shot(page, "grid-2-glance");
  await page.keyboard.press("Escape");
  await page.getByRole("tooltip").waitFor({ state: "detached" });

  await row.getByRole("button", { name: /^Edit/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(column.name, { exact: true }).fill("edited by hand");
  await shot(page, "grid-3-edit");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("1 row changed.").waitFor();
  const after = async () =>
    (await api(of(`/records?filter=${encodeURIComponent(`${column.name}=edited by hand`)}`))).items.length;
  await until("the edit", async () => (await after()) === 1, 10);

  await open(page, `${path}?tab=history`);
  const entry = page.locator(".timeline > li").first();
  await entry.getByText("changed", { exact: true }).waitFor();
  await entry.locator("button.link").first().click();
  await page.getByRole("dialog").getByText("edited by hand").first().waitFor();
  await shot(page, "history-0-row");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await entry.getByRole("button", { name: "Undo" }).click();
  await page.getByText(/^Undone/).waitFor();
  assert.equal(await after(), 0);
  await page.getByText("undone since").first().waitFor();
  await shot(page, "history-1-undone");
  await closePage(page);
});

test("what cannot be a value is told at its field", async () => {
  const number = dataset.columns.find(({ type, primary_key: key }) => !key && /int|real/i.test(type));
  const page = await openPage({ size: NARROW });
  await open(page, path);
  await page.getByRole("button", { name: "Add a row" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(number.name, { exact: true }).fill("many");
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
  await dialog.getByText("This is no number.").waitFor();
  assert.equal(await dialog.getByLabel(number.name, { exact: true }).getAttribute("aria-invalid"), "true");
  await fitsTheScreen(page);
  await shot(page, "grid-4-problem-phone");
  await closePage(page);
});

test("two states are compared", async () => {
  const page = await openPage();
  // Without a word about which, it is what the last run did: there is always an answer.
  await open(page, `${path}?tab=diff`);
  await page.getByRole("heading", { name: "Added" }).waitFor();
  await open(page, `${path}?tab=diff&from=seq:0`);
  const diff = await api(of("/diff?from=seq:0&limit=200"));
  await page.getByRole("heading", { name: "Added" }).waitFor();
  const added = page.getByRole("table", { name: "Added rows" }).locator("tbody tr");
  await until("all rows", async () => (await added.count()) === diff.added.length, 10);
  await page.getByLabel("To", { exact: true }).selectOption({ index: 1 });
  await page.waitForURL(/to=/);
  await page.getByLabel("To, when").waitFor();
  await shot(page, "diff-0-moment");
  await closePage(page);
});
