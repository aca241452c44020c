// How a source is configured, and what it may use; there must be one with presets and a budget.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, closePage, fitsTheScreen, NARROW, open, openPage, shot } from "./browser.mjs";

const { items } = await api("/sources?limit=1000");
const sources = await Promise.all(items.map(({ name }) => api(`/sources/${encodeURIComponent(name)}`)));
const source = sources.find(({ budget, settings }) => budget && settings.presets.length > 1);
assert.ok(source, "a source is needed with presets and a budget");

test("a source shows its settings without secrets, and what its presets set", async () => {
  const {
    preset,
    settings: { presets },
  } = source;
  const page = await openPage();
  await open(page, `/sources/${encodeURIComponent(source.name)}`);
  const section = page.locator("section").filter({
    has: page.getByRole("heading", { name: "Configuration", exact: true }),
  });
  await section.getByText("***").first().waitFor();
  await section.getByRole("heading", { name: `From the preset ${preset}` }).waitFor();
  const other = presets.find(({ name }) => name !== preset);
  await section.getByRole("button", { name: other.name, exact: true }).click();
  await section.getByText(`preset: ${other.name}`, { exact: true }).waitFor();
  const [first] = Object.values(other.values).flat();
  await section.locator(".preset-sets").getByText(String(first)).first().waitFor();
  await section.getByRole("button", { name: `${preset} (in use)` }).click();
  await section.getByText("This one is in use.").waitFor();
  await shot(page, "settings-0-preset", { fullPage: true });
  await closePage(page);
});

test("what a budget allows stands beside what was used, on a phone", async () => {
  const page = await openPage({ size: NARROW, dark: true });
  await open(page, `/sources/${encodeURIComponent(source.name)}`);
  const today = page.getByRole("progressbar", { name: "Today (UTC), requests" });
  await today.waitFor();
  const { requests_today: used, requests_per_day: most } = source.budget;
  assert.ok(used > 0 && used <= most, `${used} of ${most}`);
  await page.getByText("costs").waitFor();
  await fitsTheScreen(page);
  await closePage(page);
});
