// The tests of signing in, against a server with tokens: BUSTA_TOKEN may operate, BUSTA_READ_TOKEN may look.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import {
  BASE,
  barriers,
  closeBrowser,
  noneIsSerious,
  openPage,
  READ_TOKEN,
  settled,
  shot,
  TOKEN,
} from "./browser.mjs";
import { letParentGo } from "./parent.mjs";

after(async () => {
  await closeBrowser();
  letParentGo();
});

/** The browser itself reports answers like 401 and 403. */
const EXPECTED = /status of (401|403)/;

async function close(page) {
  const problems = page.problems.filter((problem) => !EXPECTED.test(problem));
  await page.context().close();
  assert.deepEqual(problems, []);
}

async function signIn(page, token) {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("without a token nothing is shown but the question for one", async () => {
  const page = await openPage({ token: null });
  await page.goto(`${BASE}/runs`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  noneIsSerious(await barriers(page, "sign-in"));
  await shot(page, "sign-in");
  await signIn(page, "not-a-token");
  await page.getByRole("alert").getByText("does not know this token").waitFor();
  await signIn(page, TOKEN);
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  await page.locator("[data-connection=live]").waitFor();
  // It is nowhere where others could read it.
  assert.ok(!page.url().includes(TOKEN));
  assert.equal(await page.evaluate(() => window.localStorage.getItem("busta.token")), null);
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await page.evaluate(() => window.sessionStorage.getItem("busta.token")), null);
  await close(page);
});

test("who only may look is told so kindly", async () => {
  const page = await openPage({ token: READ_TOKEN });
  await page.goto(`${BASE}/`);
  await settled(page);
  await page.getByRole("button", { name: "Collect …" }).click();
  await page.getByRole("button", { name: "Collect all" }).click();
  await page.getByText("Your token may look, but not operate.").waitFor();
  await shot(page, "read-only");
  await close(page);
});

test("an export is downloaded with the token in a header", async () => {
  const page = await openPage({ token: READ_TOKEN });
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(`${BASE}/data`);
  await page.locator("td a").first().click();
  await page.getByRole("heading", { name: "Records" }).waitFor();
  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name: "NDJSON" }).click();
  const download = await waiting;
  assert.ok(readFileSync(await download.path(), "utf8").length > 0);
  assert.ok(
    requests.every((url) => !url.includes(READ_TOKEN)),
    "the token stood in an address",
  );
  await close(page);
});
