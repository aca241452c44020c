// All browser tests, one after another, against the server at BUSTA_URL: see browser.mjs and parent.mjs.
import { after } from "node:test";
import { closeBrowser } from "./browser.mjs";
import { letParentGo } from "./parent.mjs";
import "./pages.mjs";

after(async () => {
  await closeBrowser();
  letParentGo();
});
