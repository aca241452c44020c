// Files that were asked for and are not there; there must be a source that has missed some.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, closePage, fitsTheScreen, NARROW, open, openPage, shot } from "./browser.mjs";

const { items } = await api("/runs?limit=1000");
let found;
for (const { id } of items) {
  const { report } = await api(`/runs/${id}`);
  const source = report?.sources.find(({ gaps }) => gaps?.gaps?.length > 0);
  if (source) found = { run: id, ...source };
  if (found) break;
}
assert.ok(found, "a source is needed that has missed files");

/** That a table says which files are missing; or that none is. */
async function isTold(page, gaps) {
  if (gaps.files === 0) return page.getByText("Nothing that was asked for is missing.").waitFor();
  const table = page.getByRole("table", { name: `Files of ${found.name} that are not there` });
  const rows = table.locator("tbody tr");
  await rows.first().waitFor();
  const texts = await rows.allInnerTexts();
  assert.equal(texts.length, gaps.gaps.length);
  for (const [at, { of, from, to, files }] of gaps.gaps.entries()) {
    for (const part of [of, from, to, files]) assert.ok(texts[at].includes(String(part)), texts[at]);
  }
}

test("a source shows which files its last run has missed", async () => {
  // Its last run may be another one, that was stopped before it had looked.
  const path = `/sources/${encodeURIComponent(found.name)}`;
  const { last_run } = await api(path);
  const { report } = await api(`/runs/${last_run.id}`);
  const gaps = report?.sources.find(({ name }) => name === found.name)?.gaps;
  const page = await openPage();
  await open(page, path);
  if (gaps) {
    await page.getByRole("heading", { name: "Missing files", exact: true }).waitFor();
    await isTold(page, gaps);
  }
  await shot(page, "gaps-0-source", { fullPage: true });
  await closePage(page);
});

test("the report of a run shows them too, on a phone", async () => {
  const page = await openPage({ size: NARROW, dark: true });
  await open(page, `/runs/${found.run}`);
  await page.getByRole("heading", { name: `Missing files of ${found.name}`, exact: true }).waitFor();
  await isTold(page, found.gaps);
  await fitsTheScreen(page);
  await closePage(page);
});
