// All browser tests, one after another, against the server at BUSTA_URL: see browser.mjs and parent.mjs.
import { after } from "node:test";
import { closeBrowser } from "./browser.mjs";
import { letParentGo } from "./parent.mjs";
import "./pages.mjs";
import "./run.mjs";
import "./failures.mjs";
import "./data.mjs";
import "./looks.mjs";
import "./restart.mjs";

after(async () => {
  await closeBrowser();
  letParentGo();
});
