import { createHash, randomBytes } from "node:crypto";
import { dataRoute, exported } from "./data.mjs";
import { page } from "./paging.mjs";
import { Refused } from "./refused.mjs";
import { SOURCES } from "./sources.mjs";

const PROBLEM = { "Content-Type": "application/problem+json" };

/** Answers the requests below `/api/v1`, and `/health`. */
export function api(world, tokens) {
  const tickets = new Map();

  function role(request, url) {
    if (!tokens.token && !tokens.readToken) return "operate";
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (given && given === tokens.token) return "operate";
    if (given && given === tokens.readToken) return "read";
    const ticket = tickets.get(url.searchParams.get("ticket"));
    if (ticket && ticket > Date.now() && url.pathname.endsWith("/activity/stream")) return "read";
    throw new Refused(401, "Unauthorized", "A token is needed.", "`busta token new` makes one.");
  }

  function admit(request, url) {
    const may = role(request, url);
    const operates = request.method !== "GET" && !url.pathname.endsWith("/ticket");
    if (operates && may !== "operate") throw new Refused(403, "Forbidden", "This token may not operate.");
  }

  return async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    try {
      if (url.pathname === "/health") {
        send(request, response, { status: "ok", version: "0.1.0", uptime_s: 1 });
        return;
      }
      admit(request, url);
      const path = url.pathname.slice("/api/v1".length).split("/").slice(1).map(decodeURIComponent);
      if (path.join("/") === "activity/stream") {
        stream(world, request, response, url.searchParams);
        return;
      }
      if (path.at(-1) === "export") {
        exported(world, response, path[1], url.searchParams.get("format") ?? "csv");
        return;
      }
      await answer(world, request, response, url, path, tickets);
    } catch (error) {
      refuse(response, error);
    }
  };
}

async function answer(world, request, response, url, path, tickets) {
  const body = request.method === "GET" ? undefined : await bodyOf(request);
  const ask = path[0] === "datasets" ? dataRoute : route;
  const result = ask(world, request.method, path, url.searchParams, body, tickets);
  send(request, response, result, request.method === "POST" && "run_id" in result ? 202 : 200);
}

function refuse(response, error) {
  const { status = 500, title = "Error", message: detail, hint } = error;
  const problem = { type: "about:blank", title, status, detail, hint };
  response.writeHead(status, PROBLEM).end(JSON.stringify(problem));
}

async function bodyOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return text ? JSON.parse(text) : {};
}

function send(request, response, value, status = 200) {
  const text = JSON.stringify(value);
  const etag = `"${createHash("sha1").update(text).digest("base64url").slice(0, 16)}"`;
  if (request.method === "GET" && request.headers["if-none-match"] === etag) {
    response.writeHead(304, { ETag: etag, "Cache-Control": "no-cache" }).end();
    return;
  }
  response.writeHead(status, { "Content-Type": "application/json", ETag: etag, "Cache-Control": "no-cache" });
  response.end(text);
}

function route(world, method, path, query, body, tickets) {
  const [what, name, verb] = path;
  const key = `${method} ${what}${name ? "/*" : ""}${verb ? `/${verb}` : ""}`;
  switch (key) {
    case "GET overview":
      return overview(world);
    case "GET sources":
      return page(
        SOURCES.map((source) => world.sourceView(source)),
        query,
      );
    case "GET sources/*":
      return world.sourceDetail(source(name));
    case "POST sources/*/pause":
      world.paused.add(source(name).name);
      return world.sourceView(source(name));
    case "POST sources/*/resume":
      world.paused.delete(source(name).name);
      world.left.delete(name);
      return world.sourceView(source(name));
    case "POST sources/*/collect":
      return world.collect({ sources: [source(name).name] });
    case "POST admin/*":
      for (const each of body.sources ?? []) source(each);
      return world.collect(body);
    case "GET runs":
      return page(
        world
          .runs()
          .filter((run) => fits(run.state, query.get("state")) && fits(run.sources, query.get("source"))),
        query,
      );
    case "GET runs/*":
      return run(world, name);
    case "POST runs/*/cancel":
      world.live.find((each) => each.id === name)?.cancel();
      return run(world, name);
    case "POST runs/*/retry":
      return world.collect({ sources: retried(run(world, name)) });
    case "GET failures":
      return page(failures(world, query), query);
    case "GET failures/*":
      return page(groups(failures(world, query), query.get("by") ?? "reason"), query);
    case "GET activity":
      return page(world.events.filter(filterOf(query)).reverse(), query);
    case "POST activity/*": {
      const ticket = randomBytes(12).toString("hex");
      tickets.set(ticket, Date.now() + 30_000);
      return { ticket, expires_in_s: 30 };
    }
    case "GET resources":
      return {
        processors: 4,
        memory_total_bytes: 16 * 2 ** 30,
        memory_peak_bytes: 71e6,
        file_descriptors_max: 1024,
        samples: world.resources,
        pools: world.pools(),
        hosts: world.hosts(),
      };
    default:
      throw new Refused(404, "Not Found", `There is no ${method} ${path.join("/")}.`);
  }
}

function source(name) {
  const found = SOURCES.find((each) => each.name === name);
  if (!found)
    throw new Refused(404, "Not Found", `There is no source ${name}.`, "GET /api/v1/sources lists them.");
  return found;
}

function run(world, id) {
  const found = world.run(id);
  if (!found) throw new Refused(404, "Not Found", `There is no run ${id}.`);
  return found;
}

function retried(past) {
  const failed = past.by_source.filter((part) => part.state !== "completed").map((part) => part.name);
  return failed.length > 0 ? failed : past.sources;
}

function overview(world) {
  const views = SOURCES.map((each) => world.sourceView(each));
  const times = views
    .map((view) => view.schedule?.next_at)
    .filter(Boolean)
    .sort();
  const totals = { records: 0, bytes: 0, requests: 0, retries: 0, failures: 0, splits: 0 };
  for (const each of world.runs()) for (const key of Object.keys(totals)) totals[key] += each.totals[key];
  return {
    version: "0.1.0",
    started_at: new Date(world.startedAt).toISOString(),
    now: new Date().toISOString(),
    sources: views.length,
    sources_ok: views.filter((view) => view.health === "ok").length,
    sources_failing: views.filter((view) => view.health === "failing" || view.health === "degraded").length,
    sources_paused: world.paused.size,
    live_runs: world.live.map((each) => each.summary()).reverse(),
    recent_runs: world.past.slice(0, 10).map(({ by_source, report, live, ...each }) => each),
    totals,
    throughput: world.throughput,
    ...(times[0] ? { next_due_at: times[0] } : {}),
  };
}

function fits(value, wanted) {
  if (!wanted) return true;
  return wanted
    .split(",")
    .some((each) => (Array.isArray(value) ? value.includes(each) : String(value) === each));
}

function filterOf(query) {
  return (event) =>
    fits(event.run, query.get("run")) &&
    fits(event.source, query.get("source")) &&
    fits(event.worker_id, query.get("worker")) &&
    fits(event.action, query.get("action"));
}

function failures(world, query) {
  return world.failures.filter(
    (each) =>
      fits(each.run_id, query.get("run")) &&
      fits(each.source, query.get("source")) &&
      fits(each.kind, query.get("kind")),
  );
}

function groups(list, by) {
  const found = new Map();
  for (const each of list) {
    const pattern = each.reason.replace(/https?:\/\/\S+|\d+/g, "…");
    const title = { reason: pattern, source: each.source, kind: each.kind }[by];
    const group = found.get(title) ?? { title, list: [] };
    group.list.push(each);
    found.set(title, group);
  }
  const same = (members, key) =>
    members.every((each) => each[key] === members[0][key]) ? { [key]: members[0][key] } : {};
  return [...found.values()]
    .map(({ title, list: members }) => ({
      title,
      ...same(members, "source"),
      ...same(members, "kind"),
      ...same(members, "stage"),
      count: members.length,
      first_at: members.at(-1).at,
      last_at: members[0].at,
      runs: [...new Set(members.map((each) => each.run_id))].slice(0, 10),
      example: members[0],
    }))
    .sort((a, b) => b.count - a.count);
}

function stream(world, request, response, query) {
  const wanted = filterOf(query);
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write("retry: 500\n\n");
  const write = (event) => {
    if (wanted(event)) response.write(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
  };
  const last = Number(request.headers["last-event-id"] ?? Number.NaN);
  if (!Number.isNaN(last)) {
    if (world.events[0]?.id > last + 1) response.write(`event: gap\ndata: {}\n\n`);
    for (const event of world.events) if (event.id > last) write(event);
  }
  world.on("event", write);
  const heartbeat = setInterval(() => response.write(": alive\n\n"), 15_000);
  request.on("close", () => {
    clearInterval(heartbeat);
    world.off("event", write);
  });
}
