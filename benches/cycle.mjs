// People at the dashboard: a browser with a tab for each page that shows a cycle, until standard input ends.
//
//     BUSTA_URL=... BUSTA_CHROMIUM=... node benches/cycle.mjs
//
// Prints one line once all tabs are there, and one of JSON at the end: what went wrong (errors of scripts, lost
// connections), and how long the browser took between two frames at worst: a page that hangs shows none.
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const PLAYWRIGHT = process.env.BUSTA_PLAYWRIGHT ?? join(import.meta.dirname, "../ui");
const { chromium } = createRequire(join(PLAYWRIGHT, "package.json"))("playwright-core");
const BASE = process.env.BUSTA_URL;

/** Notes how late frames come. */
const WATCH = () => {
  const seen = { slowest: 0 };
  globalThis.watched = seen;
  let last = performance.now();
  const frame = (now) => {
    seen.slowest = Math.max(seen.slowest, now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
};

const browser = await chromium.launch({
  executablePath: process.env.BUSTA_CHROMIUM,
  // Tabs in the background would be put to sleep; each of these stands for somebody who looks.
  args: [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
  ],
});
const problems = [];
const run = process.env.BUSTA_RUN;
const paths = ["/", `/runs/${run}`, "/data/posts", "/data/posts?tab=sentiment", "/data/posts?tab=trending"];
const tabs = [];
for (const path of paths) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => problems.push(`${path}: ${error.message}`));
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText ?? "";
    // A page that asks anew gives up what it has asked before.
    if (why !== "net::ERR_ABORTED") problems.push(`${path}: ${request.url()}: ${why}`);
  });
  page.on("response", (response) => {
    // Nothing has landed in a table that is not there yet.
    if (response.status() >= 400 && response.status() !== 404) {
      problems.push(`${path}: ${response.status()} ${response.url()}`);
    }
  });
  await page.addInitScript(WATCH);
  await page.goto(BASE + path);
  await page.locator("h1").waitFor();
  tabs.push({ path, page });
}
console.log("ready");

let ended = false;
process.stdin.resume().on("end", () => {
  ended = true;
});
let lost = 0;
while (!ended) {
  await sleep(1000);
  for (const { page } of tabs) lost += (await page.locator(".connection.lost").count()) > 0 ? 1 : 0;
}
const frames = {};
for (const { path, page } of tabs) {
  frames[path] = Math.round((await page.evaluate(() => globalThis.watched)).slowest);
}
if (process.env.BUSTA_SHOTS) {
  for (const [n, { page }] of tabs.entries()) {
    await page.screenshot({ path: join(process.env.BUSTA_SHOTS, `cycle-${n}.png`) });
  }
}
console.log(JSON.stringify({ problems, seconds_without_connection: lost, slowest_frame_ms: frames }));
await browser.close();
