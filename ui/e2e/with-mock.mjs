// Runs the browser tests against the mock: `npm run build && npm run e2e`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "busta-ui-"));
const TOKEN = "operate-token";
const READ_TOKEN = "read-token";

/** Starts the mock; gives its process and address once it listens. */
async function startMock(port, secured) {
  const tokens = secured ? ["--token", TOKEN, "--read-token", READ_TOKEN] : [];
  const state = join(folder, secured ? "secured.json" : "open.json");
  const child = spawn(
    process.execPath,
    [here("../mock/server.mjs"), "--port", port, "--state", state, ...tokens],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return { child, url: line };
}

async function stop(mock) {
  mock.child.kill("SIGTERM");
  await once(mock.child, "exit");
}

/** Runs the tests once; restarts the mock when they ask for it. */
async function runTests(secured) {
  let mock = await startMock("0", secured);
  const env = { ...process.env, BUSTA_URL: mock.url };
  if (secured) Object.assign(env, { BUSTA_TOKEN: TOKEN, BUSTA_READ_TOKEN: READ_TOKEN });
  const tests = spawn(process.execPath, [here(secured ? "./secured.mjs" : "./all.mjs")], {
    env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  createInterface({ input: tests.stdout }).on("line", async (line) => {
    if (line === "@busta stop") {
      await stop(mock);
      tests.stdin.write("@busta stopped\n");
    } else if (line === "@busta start") {
      mock = await startMock(new URL(mock.url).port, secured);
      tests.stdin.write("@busta started\n");
    } else console.log(line);
  });
  const [code] = await once(tests, "exit");
  await stop(mock);
  return code;
}

let code = 1;
try {
  code = (await runTests(false)) || (await runTests(true));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = code;
