import { EventEmitter } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { History } from "./history.mjs";
import { makePosts } from "./posts.mjs";
import { randomOf } from "./random.mjs";
import { ESTIMATE, MockRun } from "./run.mjs";
import { presetOf, SOURCES, settingsOf, TABLES } from "./sources.mjs";

const KEPT_EVENTS = 20_000;
const EVERY_MS = { "every 15m": 900_000, auto: 420_000 };

/** Everything that the mock pretends: runs, events, failures, schedules. */
export class World extends EventEmitter {
  constructor(stateFile) {
    super();
    this.setMaxListeners(0);
    this.stateFile = stateFile;
    this.startedAt = Date.now();
    this.events = [];
    this.failures = [];
    this.live = [];
    this.past = [];
    this.paused = new Set();
    // What is left alone after failures, until somebody resumes it.
    this.left = new Set(["partner-prices-with-a-rather-long-name"]);
    this.posts = makePosts();
    this.sellers = new History();
    this.nextEvent = 1;
    this.resources = [];
    this.throughput = [];
    this.load();
    this.fillCharts();
    this.sampler = setInterval(() => this.sample(Date.now()), 1000);
  }

  /** What a real server would find in its store after a restart. */
  load() {
    try {
      Object.assign(this, JSON.parse(readFileSync(this.stateFile, "utf8")));
      // As after a crash: what was under way goes on.
      for (const id of this.cut) this.collect({ sources: id.sources }, "resume", id.id);
    } catch {
      this.past = this.invented();
    }
    this.cut = [];
  }

  save() {
    if (!this.stateFile) return;
    const { events, failures, past, nextEvent } = this;
    const cut = this.live.map((run) => ({ id: run.id, sources: run.parts.map((part) => part.source.name) }));
    const text = {
      events: events.slice(-5000),
      failures,
      past,
      nextEvent: nextEvent + 100,
      cut,
      paused: undefined,
    };
    writeFileSync(this.stateFile, JSON.stringify(text));
  }

  invented() {
    const random = randomOf(11);
    const states = ["completed", "completed", "partial", "completed", "failed", "completed", "cancelled"];
    return Array.from({ length: 130 }, (_, at) => {
      const source = SOURCES[at % SOURCES.length];
      const started = Date.now() - (at + 1) * 547_000;
      const duration = random.between(2, 240);
      const state = source.refused ? "failed" : states[at % states.length];
      const records = state === "failed" ? 0 : random.whole(40, 40_000);
      return {
        id: runId(started, at),
        state,
        trigger: random.pick(["schedule", "schedule", "schedule", "api", "catchup"]),
        sources: at % 6 === 0 ? SOURCES.map((s) => s.name) : [source.name],
        started_at: new Date(started).toISOString(),
        finished_at: new Date(started + duration * 1000).toISOString(),
        duration_s: duration,
        totals: {
          records,
          bytes: records * 740,
          requests: Math.ceil(records / 90),
          retries: random.whole(0, 9),
          failures: state === "completed" || state === "cancelled" ? 0 : random.whole(1, 40),
          splits: random.whole(3, 60),
        },
      };
    });
  }

  emit(first, ...rest) {
    if (typeof first === "string") return super.emit(first, ...rest);
    const event = { id: this.nextEvent, at: new Date().toISOString(), ...first };
    this.nextEvent += 1;
    this.events.push(event);
    if (this.events.length > KEPT_EVENTS) this.events.splice(0, 1000);
    return super.emit("event", event);
  }

  addFailure(run, task, kind, stage, reason) {
    this.failures.unshift({
      id: `f${this.failures.length + 1}`,
      run_id: run.id,
      source: task.part.source.name,
      stream: task.split.stream,
      split: task.split.id,
      ...(kind === "data" ? { position: `item ${(this.failures.length % 40) + 1}` } : {}),
      stage,
      kind,
      reason,
      ...(kind === "data"
        ? {
            payload: JSON.stringify({
              id: 17,
              name: "half a th",
              nested: { a: [1, 2, 3] },
              "<b>": "<script>alert(1)</script>",
            }),
          }
        : {}),
      at: new Date().toISOString(),
    });
    this.failures.length = Math.min(this.failures.length, 5000);
  }

  collect(request, trigger = "api", id = runId(Date.now(), this.nextEvent)) {
    const names = request.sources?.length ? request.sources : SOURCES.map((source) => source.name);
    const sources = names.map((name) => SOURCES.find((source) => source.name === name));
    const run = new MockRun(id, trigger, sources, request, this);
    const ahead = this.live.find((other) => other.parts.some((part) => names.includes(part.source.name)));
    this.live.push(run);
    if (ahead) run.behind = ahead;
    else run.start();
    const estimates = sources
      .filter((source) => source.budget)
      .map(({ name, budget: { cost_per_request: each, requests_per_run: allowed } }) => ({
        source: name,
        requests: ESTIMATE,
        cost: ESTIMATE * each,
        allowed,
      }));
    return {
      run_id: id,
      state: run.state,
      sources: names,
      ...(ahead ? { waits_for: ahead.id } : {}),
      ...(estimates.length > 0 ? { estimates } : {}),
    };
  }

  ended(run) {
    this.live = this.live.filter((other) => other !== run);
    this.past.unshift({ ...run.detail(), live: undefined });
    for (const other of this.live) {
      if (other.behind === run) {
        other.behind = undefined;
        other.start();
      }
    }
  }

  runs() {
    return [
      ...this.live.map((run) => run.summary()).reverse(),
      ...this.past.map(({ by_source, report, live, ...run }) => run),
    ];
  }

  run(id) {
    const live = this.live.find((run) => run.id.startsWith(id));
    if (live) return live.detail();
    const past = this.past.find((run) => run.id.startsWith(id));
    return past && { full_refresh: false, by_source: [], ...past };
  }

  rate() {
    return this.live.filter((run) => run.live).reduce((sum, run) => sum + run.liveView().records_per_s, 0);
  }

  sample(at) {
    const busy = this.live.some((run) => run.live);
    const rate = this.rate();
    push(this.throughput, {
      at: new Date(at).toISOString(),
      records_per_s: rate,
      bytes_per_s: rate * 700,
      requests_per_s: rate / 80,
    });
    push(this.resources, {
      at: new Date(at).toISOString(),
      processors: busy ? 0.6 + Math.random() * 0.5 : 0.02,
      memory_bytes: 42e6 + (busy ? 14e6 + Math.random() * 4e6 : 0),
      file_descriptors: busy ? 48 : 31,
      received_bytes_per_s: rate * 700,
      tasks: busy ? 41 : 18,
    });
  }

  fillCharts() {
    const random = randomOf(5);
    for (let ago = 3600; ago > 0; ago -= 10) {
      const at = new Date(Date.now() - ago * 1000).toISOString();
      const rate = Math.max(0, Math.sin(ago / 300) + 0.2) * 900 * random.between(0.8, 1.2);
      this.throughput.push({ at, records_per_s: rate, bytes_per_s: rate * 690, requests_per_s: rate / 85 });
      this.resources.push({
        at,
        processors: 0.05 + rate / 1100,
        memory_bytes: 42e6 + rate * 18_000,
        file_descriptors: 31 + Math.round(rate / 60),
        received_bytes_per_s: rate * 690,
        tasks: 18 + Math.round(rate / 50),
      });
    }
  }

  pools() {
    const places = { api: 5, rss: 10, files: 20 };
    return Object.entries(places).map(([name, count]) => {
      const parts = this.live
        .filter((run) => run.live)
        .flatMap((run) => run.parts.filter((p) => p.source.pool === name));
      const taken = parts.reduce((sum, part) => sum + part.inFlight, 0);
      return {
        name,
        places: count,
        taken: Math.min(taken, count),
        waiting: parts.reduce((sum, part) => sum + part.waiting.length, 0),
      };
    });
  }

  hosts() {
    return SOURCES.filter((source) => source.host).map((source, at) => ({
      host: source.host,
      in_flight: this.live.flatMap((run) => run.parts).find((p) => p.source === source)?.inFlight ?? 0,
      ...(source.limited ? { limit: 3, rate: 4.5 } : {}),
      paused: source.refused ?? false,
      requests: 1200 * (at + 1),
      limited: source.limited ? 37 : 0,
      latency_mean_ms: (source.pace[0] + source.pace[1]) / 2,
    }));
  }

  sourceView(source) {
    const running = this.live.find((run) => run.parts.some((part) => part.source === source));
    const last = this.past.find((run) => run.sources.includes(source.name));
    const mine = last?.by_source?.find((part) => part.name === source.name);
    const state = mine?.state ?? last?.state;
    const health =
      { completed: "ok", cancelled: "ok", partial: "degraded", failed: "failing" }[state] ?? "unknown";
    const paused = this.paused.has(source.name);
    const every = EVERY_MS[source.schedule] ?? 600_000;
    return {
      name: source.name,
      type: source.type,
      preset: presetOf(source),
      enabled: !source.refused,
      priority: source.priority,
      destination: "sqlite, busta.db",
      health,
      ...(health === "failing" ? { error: mine?.error ?? "401 Unauthorized: the token was refused." } : {}),
      ...(running ? { running: running.id } : {}),
      ...(last ? { last_run: summaryOf(last), last_records: mine?.records } : {}),
      ...(source.schedule
        ? {
            schedule: {
              words: source.schedule,
              paused,
              ...(paused
                ? {}
                : { next_at: new Date((Math.floor(Date.now() / every) + 1) * every).toISOString() }),
              last_due_at: new Date(Math.floor(Date.now() / every) * every).toISOString(),
              overlap: "skip",
            },
          }
        : {}),
      ...(this.left.has(source.name) ? { pause: leftAlone(this.startedAt) } : {}),
      requests: source.host ? 1200 : 0,
      ...(source.host ? { latency_p50_ms: source.pace[0], latency_p99_ms: source.pace[1] * 1.7 } : {}),
      in_flight: running?.parts.find((part) => part.source === source)?.inFlight ?? 0,
      ...(source.limited ? { effective_concurrency: 3 } : {}),
    };
  }

  sourceDetail(source) {
    const view = this.sourceView(source);
    const next = view.schedule?.next_at ? new Date(view.schedule.next_at).getTime() : undefined;
    return {
      ...view,
      streams: source.streams.map((name) => ({
        name,
        table: name in TABLES ? name : "orders",
        primary_key: ["id"],
        write_mode: "merge",
        ...(source.type === "api" ? { cursor_field: "updated_at" } : {}),
      })),
      hosts: this.hosts().filter((host) => host.host === source.host),
      upcoming: next ? [0, 1, 2, 3, 4].map((at) => new Date(next + at * 900_000).toISOString()) : [],
      recent_runs: this.past
        .filter((run) => run.sources.includes(source.name))
        .slice(0, 10)
        .map(summaryOf),
      ...(source.budget ? { budget: { ...source.budget, requests_today: 4210, expected_requests: 61 } } : {}),
      settings: settingsOf(source),
      quality: source.streams.map((stream) => ({
        stream,
        records: 4000,
        looked_at: 1000,
        fields: [
          { name: "id", missing: 0, invalid: 0 },
          { name: "note", missing: 312, invalid: 4 },
        ],
        findings: [
          {
            check: "completeness",
            level: "warning",
            field: "note",
            message: "missing in 31 % of the records",
            count: 312,
            fails: false,
          },
        ],
      })),
    };
  }
}

function leftAlone(since) {
  return {
    since: new Date(since - 900_000).toISOString(),
    reason:
      "5 splits in a row have failed: 401 Unauthorized, the token was refused. Set `auth.token` to a valid one.",
    next_probe_at: new Date(Math.ceil(Date.now() / 600_000) * 600_000).toISOString(),
  };
}

const MOST_SAMPLES = 720;

function push(list, sample) {
  list.push(sample);
  if (list.length > MOST_SAMPLES) list.shift();
}

function summaryOf({ by_source, report, live, full_refresh, limit, ...summary }) {
  return summary;
}

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** As busta makes them: ten characters of time and six of chance. */
function runId(at, more) {
  const digits = (value, length) =>
    Array.from({ length }, (_, place) => ALPHABET[Math.floor(value / 32 ** (length - 1 - place)) % 32]).join(
      "",
    );
  return digits(at, 10) + digits((more * 2654435761) % 32 ** 6, 6);
}
