import assert from "node:assert/strict";
import { test } from "node:test";
import { api, closePage, open, openPage, shot } from "./browser.mjs";

test("failures are grouped, looked at, and tried again", async () => {
  const groups = await api("/failures/groups?by=reason");
  assert.ok(groups.length > 0, "there must be failures to look at");
  const page = await openPage();
  await open(page, "/failures");
  assert.equal(await page.locator(".group").count(), groups.length);
  await page.getByText("By kind").click();
  await page.waitForURL(/by=kind/);
  const kinds = await api("/failures/groups?by=kind");
  await page.waitForFunction((count) => document.querySelectorAll(".group").length === count, kinds.length);

  const withPayload = groups.find((group) => group.example.payload !== undefined);
  await open(page, withPayload ? `/failures?kind=${withPayload.kind}` : "/failures");
  await page.getByRole("button", { name: "Look at one" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Failure" }).waitFor();
  if (withPayload) await dialog.locator("pre").waitFor();
  // The payload is text, whatever it looks like.
  assert.equal(await page.locator("dialog script").count(), 0);
  await shot(page, "failure-0-example", { fullPage: false });
  await dialog.getByRole("button", { name: "Retry this run" }).click();
  await page.waitForURL(/\/runs\/[0-9A-Z]+$/);
  await page.getByRole("heading", { level: 1, name: /^Run/ }).waitFor();
  const retried = await api(`/runs/${page.url().split("/").at(-1)}`);
  assert.ok(retried.sources.length > 0);
  await shot(page, "failure-1-retried");
  await closePage(page);
});
