// The browser that all of these tests use, and what they share.
// BUSTA_URL        where the server is
// BUSTA_CHROMIUM   the browser's program; the libraries that it needs are found by LD_LIBRARY_PATH
// BUSTA_SHOTS      a folder for screenshots; none are made if it is not set
// BUSTA_TOKEN      a token with the role `operate`, if the server asks for one
// BUSTA_READ_TOKEN one that may only look
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const BASE = process.env.BUSTA_URL ?? "http://127.0.0.1:8790";
export const TOKEN = process.env.BUSTA_TOKEN;
export const READ_TOKEN = process.env.BUSTA_READ_TOKEN;
const SHOTS = process.env.BUSTA_SHOTS;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 390, height: 844 };

let started;

/** The browser; one for all tests. */
async function browser() {
  started ??= chromium.launch({
    executablePath: process.env.BUSTA_CHROMIUM ?? "/usr/bin/chromium",
    // Tests run in containers, as root, on pages that are ours.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  return started;
}

export async function closeBrowser() {
  if (started) await (await started).close();
}

/** What a page may say while its server is away. */
const AWAY = /net::ERR_|Failed to load resource/;

/**
 * A page in a fresh profile. `page.problems` collects what must not happen: errors of scripts, messages of the
 * policy, answers that say that the server broke.
 */
export async function openPage(options = {}) {
  const { size = WIDE, dark = false, token = TOKEN, away = false } = options;
  const context = await (await browser()).newContext({
    viewport: size,
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
    acceptDownloads: true,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
  });
  if (token) {
    await context.addInitScript((value) => window.sessionStorage.setItem("busta.token", value), token);
  }
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    if (away && AWAY.test(message.text())) return;
    page.problems.push(`console: ${message.text()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 500 && !away) page.problems.push(`${response.status()} ${response.url()}`);
  });
  page.setDefaultTimeout(15_000);
  return page;
}

export async function closePage(page) {
  await page.context().close();
  assert.deepEqual(page.problems, []);
}

/** Opens a path and waits until its heading and its data are there. */
export async function open(page, path) {
  await page.goto(BASE + path);
  await settled(page);
}

export async function settled(page) {
  await page.locator("h1").waitFor();
  await page.waitForFunction(() => !document.querySelector(".loading"));
}

export async function shot(page, name, options = {}) {
  if (!SHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), ...options });
}

/** No page may be wider than the screen. */
export async function fitsTheScreen(page) {
  const [content, screen] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(content <= screen, `${page.url()} is ${content} wide on a screen of ${screen}`);
}

/** What may keep people out of a page. axe comes in by the debugger, which the page's policy does not bind. */
export async function barriers(page, name) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations.map(({ id, impact, help, nodes }) => ({
      id,
      impact,
      help,
      where: nodes.slice(0, 3).map((node) => `${node.target.join(" ")}: ${node.failureSummary ?? ""}`),
    }));
  });
  return found.map((each) => ({ page: name, ...each }));
}

/** Nothing serious may be among what was found; the rest is told. */
export function noneIsSerious(found) {
  const isSerious = ({ impact }) => impact === "serious" || impact === "critical";
  for (const each of found.filter((one) => !isSerious(one))) {
    console.log(`# axe: ${each.page}: ${each.impact}: ${each.help}: ${each.where[0]}`);
  }
  assert.deepEqual(found.filter(isSerious), []);
}

/** Asks the API, for what a test needs to know. */
export async function api(path, init = {}) {
  const response = await fetch(`${BASE}/api/v1${path}`, {
    ...init,
    headers: {
      "Content-Type": "application/json",
      ...(TOKEN ? { Authorization: `Bearer ${TOKEN}` } : {}),
    },
  });
  assert.ok(
    response.ok,
    `${init.method ?? "GET"} ${path}: ${response.status} ${await response.clone().text()}`,
  );
  return response.json();
}

/** The first dataset that `fits`, with its columns; `what` says which one is needed. */
export async function datasetWith(what, fits) {
  const { items } = await api("/datasets?limit=1000");
  const found = items.find(fits);
  assert.ok(found, `a dataset is needed ${what}`);
  return api(`/datasets/${encodeURIComponent(found.name)}`);
}

/** Waits for a first run, and starts it if nobody has, so that there is something to look at. */
export async function firstRun() {
  const { items } = await api("/runs?limit=1");
  const live = items.find((run) => run.state === "running" || run.state === "queued");
  const id = live?.id ?? (await api("/admin/collect", { method: "POST", body: "{}" })).run_id;
  await until("the end of the run", async () => (await api(`/runs/${id}`)).finished_at, 120);
}

/** Waits until `ask` gives something. */
export async function until(what, ask, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    const value = await ask();
    if (value) return value;
    await new Promise((done) => setTimeout(done, 200));
  }
  assert.fail(`${what}: not within ${seconds} s`);
}
