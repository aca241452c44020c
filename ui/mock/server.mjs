// A server that speaks the API of `busta serve` and acts out a collection: for work on the dashboard, and for
// its tests. Nothing is collected. `node mock/server.mjs [--port 8790] [--token T] [--read-token T] [--state FILE]`
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { api } from "./api.mjs";
import { World } from "./world.mjs";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "8790" },
    token: { type: "string" },
    "read-token": { type: "string" },
    state: { type: "string" },
    dist: { type: "string", default: fileURLToPath(new URL("../dist", import.meta.url)) },
  },
});

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

const world = new World(options.state);
const answer = api(world, { token: options.token, readToken: options["read-token"] });

const server = createServer((request, response) => {
  response.setHeader("Content-Security-Policy", POLICY);
  response.setHeader("X-Content-Type-Options", "nosniff");
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname.startsWith("/api/") || pathname === "/health") answer(request, response);
  else page(pathname, response);
});

/** A file of the build, or the page that shows whatever its address says. */
function page(pathname, response) {
  const file = join(options.dist, normalize(pathname));
  const found = file.startsWith(options.dist) && existsSync(file) && statSync(file).isFile();
  const path = found ? file : join(options.dist, "index.html");
  if (!existsSync(path)) {
    response.writeHead(404).end("npm run build first");
    return;
  }
  response.writeHead(200, {
    "Content-Type": TYPES[extname(path)] ?? "application/octet-stream",
    "Cache-Control": pathname.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
  });
  createReadStream(path).pipe(response);
}

server.listen(Number(options.port), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});

process.on("SIGTERM", () => {
  world.save();
  process.exit(0);
});
