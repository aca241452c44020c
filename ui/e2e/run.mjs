import assert from "node:assert/strict";
import { test } from "node:test";
import { api, closePage, fitsTheScreen, NARROW, open, openPage, shot, until } from "./browser.mjs";

/** Waits until nothing runs, so that a test starts what it looks at. */
async function quiet() {
  await until("no run under way", async () => (await api("/overview")).live_runs.length === 0, 120);
}

test("a run, live, from the button to its end", async () => {
  await quiet();
  const page = await openPage();
  await open(page, "/");
  await page.getByRole("button", { name: "Collect …" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Collect all" }).waitFor();
  await shot(page, "live-0-collect");
  await dialog.getByRole("button", { name: "Collect all" }).click();

  await page.waitForURL(/\/runs\/[0-9A-Z]+$/);
  const id = page.url().split("/").at(-1);
  await page.getByText("running", { exact: true }).first().waitFor();
  // Worker cards say what each does, and that changes.
  const cards = page.locator("[data-worker]");
  await cards.first().waitFor();
  const busy = page.locator("[data-worker]:not(.idle)");
  await busy.first().waitFor();
  const seen = new Set();
  let most = 0;
  await until(
    "workers that move",
    async () => {
      for (const text of await cards.allInnerTexts()) seen.add(text.replace(/\s+/g, " "));
      most = Math.max(most, await busy.count());
      return seen.size > 2 * (await cards.count());
    },
    20,
  ).catch(() => {});
  assert.ok(seen.size > 2, `the cards never moved: ${[...seen]}`);
  assert.ok(most >= 1);
  // A press on a worker shows its log and figures; another one, all of them.
  const second = page.getByRole("button", { name: "Worker 2", exact: true });
  await second.click();
  await page.getByRole("heading", { name: "Worker 2", level: 2 }).waitFor();
  await page.waitForFunction(() => {
    const who = [...document.querySelectorAll(".run-feed .feed-who")];
    return who.length > 0 && who.every((each) => each.textContent === "worker 2");
  });
  await page.getByText("Listed here").waitFor();
  await shot(page, "live-1-worker");
  await second.click();
  await page.getByRole("heading", { name: "Activity", level: 2 }).waitFor();
  // The feed moves too.
  const lines = page.getByRole("list", { name: "What happened in this run, newest first" }).locator("li");
  await lines.first().waitFor();
  const first = await lines.count();
  await shot(page, "live-1-running");
  await until("more events", async () => (await lines.count()) > first, 30);
  const parts = page.locator("[data-source] [role=progressbar]");
  assert.ok((await parts.count()) > 0, "no progress of sources");

  await until("the end of the run", async () => (await api(`/runs/${id}`)).finished_at, 180);
  await page.getByRole("heading", { name: "Report" }).waitFor();
  await cards.first().waitFor({ state: "detached" });
  await page.getByRole("heading", { name: "Where the time goes" }).waitFor();
  // What the page says is what the API says.
  const run = await api(`/runs/${id}`);
  const names = await page
    .locator("[data-source]")
    .evaluateAll((list) => list.map((item) => item.dataset.source));
  assert.deepEqual(
    names,
    run.by_source.map((source) => source.name),
  );
  const phases = run.by_source.flatMap((source) => ((source.phases ?? []).length > 1 ? source.phases : []));
  assert.deepEqual(
    await page.locator("[data-phase]").evaluateAll((list) => list.map((item) => item.dataset.phase)),
    phases.map(({ phase }) => phase),
  );
  if (run.totals.failures > 0) {
    const { items } = await api(`/failures?limit=1000&run=${id}`);
    const types = new Set(items.map(({ kind, stage }) => `${kind} ${stage}`));
    const table = page.getByRole("table", { name: "Failures of this run by kind and stage" });
    await until("failures", async () => (await table.locator("tbody tr").count()) === types.size, 10);
  }
  await shot(page, "live-2-ended", { fullPage: true });
  await closePage(page);
});

test("the feed is filtered by the server, and holds still for who reads", async () => {
  const runs = await api("/runs?limit=50");
  const run = runs.items.find((each) => each.finished_at && each.trigger === "api");
  const page = await openPage();
  await open(page, `/runs/${run.id}`);
  const feed = page.getByRole("list", { name: "What happened in this run, newest first" });
  await feed.locator(".badge").first().waitFor();
  await page.getByLabel("Action").selectOption("complete");
  await page.waitForFunction(() => {
    const badges = [...document.querySelectorAll(".run-feed .feed .badge")];
    return badges.length > 0 && badges.every((badge) => badge.textContent === "complete");
  });
  await feed.locator(".feed-line").first().click();
  await page.getByRole("dialog").getByRole("link", { name: run.id }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  // The list is one stop of the Tab key; arrows go through it.
  await feed.locator(".feed-line").first().focus();
  await page.keyboard.press("ArrowDown");
  assert.ok(
    await feed.locator("li:nth-child(2) .feed-line").evaluate((line) => line === document.activeElement),
  );
  await page.keyboard.press("ArrowUp");
  const hold = page.getByRole("button", { name: "Hold" });
  await hold.click();
  await page.getByRole("button", { name: "Go on" }).waitFor();
  await closePage(page);
});

test("a run is cancelled after a question, on a phone", async () => {
  await quiet();
  const page = await openPage({ size: NARROW, dark: true });
  const { run_id: id } = await api("/admin/collect", { method: "POST", body: "{}" });
  await open(page, `/runs/${id}`);
  await page.locator("[data-worker]").first().waitFor();
  await fitsTheScreen(page);
  await shot(page, "live-3-phone");
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Cancel the run" }).click();
  // Its sources are cancelled first.
  await until("the end of the run", async () => (await api(`/runs/${id}`)).state === "cancelled", 20);
  await page.getByText("cancelled", { exact: true }).first().waitFor();
  await closePage(page);
});
