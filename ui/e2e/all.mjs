// All browser tests, one after another, against the server at BUSTA_URL: see browser.mjs and parent.mjs.
// BUSTA_PARTS=run,data starts only these.
import { after } from "node:test";
import { closeBrowser, firstRun } from "./browser.mjs";
import { letParentGo } from "./parent.mjs";

const PARTS = [
  "pages",
  "run",
  "failures",
  "data",
  "views",
  "history",
  "settings",
  "gaps",
  "looks",
  "restart",
];

// Some tests choose by what is there what they look at.
await firstRun();
for (const part of process.env.BUSTA_PARTS?.split(",") ?? PARTS) await import(`./${part}.mjs`);

after(async () => {
  await closeBrowser();
  letParentGo();
});
