import assert from "node:assert/strict";
import { test } from "node:test";
import { api, closePage, open, openPage } from "./browser.mjs";

const ground = (page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);

/** Waits until the ground has this colour; a choice is shown with the next frame. */
const hasGround = (page, colour) =>
  page.waitForFunction(
    (wanted) => getComputedStyle(document.documentElement).backgroundColor === wanted,
    colour,
  );

/** Waits until what says `text` has the focus; it comes after a page, or the browser's own frame, had it. */
const hasFocus = (page, text) =>
  page.waitForFunction((wanted) => document.activeElement.textContent.trim() === wanted, text);

test("colours follow the system, and whoever chooses others", async () => {
  const page = await openPage();
  await open(page, "/runs");
  const light = await ground(page);
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await ground(page);
  assert.notEqual(light, dark);
  const button = page.locator("[data-theme-choice]");
  await button.click();
  await hasGround(page, light);
  await button.click();
  await page.emulateMedia({ colorScheme: "light" });
  await hasGround(page, dark);
  await page.reload();
  await page.locator("h1").waitFor();
  // The choice is kept.
  await hasGround(page, dark);
  await closePage(page);
});

test("the keyboard is enough", async () => {
  const page = await openPage();
  await open(page, "/");
  await page.keyboard.press("Tab");
  await hasFocus(page, "Skip to the content");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "main");
  // To another page: the focus is at its heading.
  await page.getByRole("link", { name: "Failures", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Failures" }).waitFor();
  await hasFocus(page, "Failures");
  await page.goBack();
  await hasFocus(page, "Overview");
  // A dialog takes the focus and gives it back.
  const button = page.getByRole("button", { name: "Collect …" });
  await button.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  for (let press = 0; press < 30; press += 1) {
    await page.keyboard.press("Tab");
    const inside = await page.evaluate(
      () => document.activeElement === document.body || document.activeElement.closest("dialog") !== null,
    );
    assert.ok(inside, "the focus left the dialog");
  }
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await hasFocus(page, "Collect …");
  await closePage(page);
});

test("a schedule is paused and resumed", async () => {
  const source = (await api("/sources")).items.find((each) => each.schedule && !each.schedule.paused);
  assert.ok(source, "a source with a schedule is needed");
  const page = await openPage();
  await open(page, `/sources/${encodeURIComponent(source.name)}`);
  await page.getByRole("button", { name: "Pause schedule" }).click();
  await page.getByRole("button", { name: "Resume schedule" }).click();
  await page.getByRole("button", { name: "Pause schedule" }).waitFor();
  const after = (await api("/sources")).items.find((each) => each.name === source.name);
  assert.equal(after.schedule.paused, false);
  await closePage(page);
});

test("filters stand in the address", async () => {
  const page = await openPage();
  await open(page, "/runs");
  await page.getByLabel("State").selectOption("partial");
  await page.waitForURL(/state=partial/);
  await page.waitForFunction(() => {
    const states = [...document.querySelectorAll("td .badge.state")];
    return states.length > 0 && states.every((state) => state.textContent === "partial");
  });
  await page.reload();
  assert.equal(await page.getByLabel("State").inputValue(), "partial");
  await closePage(page);
});
