import assert from "node:assert/strict";
import { test } from "node:test";
import { api, closePage, open, openPage, shot, until } from "./browser.mjs";

test("failures are grouped and looked at", async () => {
  const { items: groups } = await api("/failures/groups?by=reason&limit=25");
  assert.ok(groups.length > 0, "there must be failures to look at");
  const page = await openPage();
  await open(page, "/failures");
  assert.equal(await page.locator(".group").count(), groups.length);
  await page.getByText("By kind").click();
  await page.waitForURL(/by=kind/);
  const { items: kinds } = await api("/failures/groups?by=kind&limit=25");
  await page.waitForFunction((count) => document.querySelectorAll(".group").length === count, kinds.length);

  const withPayload = groups.find((group) => group.example.payload !== undefined);
  await open(page, withPayload ? `/failures?kind=${withPayload.kind}` : "/failures");
  await page.getByRole("button", { name: "Look at one" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Failure" }).waitFor();
  if (withPayload) await dialog.locator("pre").waitFor();
  // The payload is text, whatever it looks like.
  assert.equal(await page.locator("dialog script").count(), 0);
  await shot(page, "failure-0-example");
  await closePage(page);
});

test("what failed is tried again", async () => {
  // A split that failed as a whole; its source is collected alone, so that nothing newer is in the way.
  const { items } = await api("/failures?limit=200");
  const failed = items.find((failure) => failure.position === undefined);
  assert.ok(failed, "a source is needed that fails as a whole");
  await until("no run under way", async () => (await api("/overview")).live_runs.length === 0, 120);
  const path = `/sources/${encodeURIComponent(failed.source)}/collect`;
  const { run_id: id } = await api(path, { method: "POST", body: "{}" });
  await until("the end of the run", async () => (await api(`/runs/${id}`)).finished_at, 120);

  const page = await openPage();
  await open(page, `/failures?run=${id}`);
  await page.getByRole("button", { name: "Look at one" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Retry this run" }).click();
  await page.waitForURL(/\/runs\/[0-9A-Z]+$/);
  await page.getByRole("heading", { level: 1, name: /^Run/ }).waitFor();
  const retried = await api(`/runs/${page.url().split("/").at(-1)}`);
  assert.deepEqual(retried.sources, [failed.source]);
  await shot(page, "failure-1-retried");
  await closePage(page);
});
