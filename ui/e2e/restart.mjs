import assert from "node:assert/strict";
import { test } from "node:test";
import { api, BASE, closePage, open, openPage, shot } from "./browser.mjs";
import { startServer, stopServer } from "./parent.mjs";

test("a page goes on by itself when the server was away", async () => {
  const page = await openPage({ away: true });
  await open(page, "/");
  await page.locator("[data-connection=live]").waitFor();
  const before = await (await page.getByLabel("What happened, newest first").locator("li").all()).length;

  await stopServer();
  await page.getByText("No connection, trying again").waitFor({ timeout: 30_000 });
  await shot(page, "restart-0-away");
  // What was there stays to be read meanwhile.
  assert.ok(await page.getByRole("heading", { name: "Throughput" }).isVisible());
  await startServer();

  await page.locator("[data-connection=live]").waitFor({ timeout: 30_000 });
  // Live again: what happens now is shown, and nothing twice.
  const source = (await api("/sources")).items.find((each) => each.enabled && !each.running);
  const { run_id: id } = await api(`/sources/${encodeURIComponent(source.name)}/collect`, {
    method: "POST",
    body: "{}",
  });
  const feed = page.getByLabel("What happened, newest first");
  await feed.getByText("started").first().waitFor({ timeout: 20_000 });
  await page.locator(`a[href="/runs/${id}"]`).first().waitFor({ timeout: 20_000 });
  const ids = await feed.locator("li").evaluateAll((items) => items.map((item) => item.textContent));
  assert.ok(ids.length >= before, "the feed was emptied");
  assert.ok(page.url().startsWith(BASE), "the page was left");
  await shot(page, "restart-1-back");
  await closePage(page);
});
