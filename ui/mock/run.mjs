import { randomOf } from "./random.mjs";

const WORKERS = 8;
const LIMIT = 6;
/** What a source with a budget is expected to take. */
export const ESTIMATE = 52;

/** A run that is acted out: workers take splits, read batches, fail, retry and write. */
export class MockRun {
  constructor(id, trigger, sources, request, world) {
    this.id = id;
    this.trigger = trigger;
    this.request = request;
    this.world = world;
    this.random = randomOf(Number.parseInt(id.slice(-6), 36) || 7);
    this.state = "queued";
    this.startedAt = Date.now();
    this.finishedAt = undefined;
    this.stopping = false;
    this.parts = sources.map((source) => this.part(source));
    this.workers = Array.from({ length: WORKERS }, (_, at) => ({
      worker_id: at + 1,
      splits_done: 0,
      records_done: 0,
    }));
    this.rates = [];
  }

  part(source) {
    const splits = Array.from({ length: source.splits }, (_, at) => splitOf(source, at, source.phases?.[0]));
    const phases = source.phases?.map(({ phase }, at) => ({
      phase,
      splits_done: 0,
      splits_total: at === 0 ? splits.length : 0,
      records: 0,
    }));
    return {
      source,
      state: "queued",
      known: splits.length,
      phases,
      waiting: splits,
      inFlight: 0,
      totals: { records: 0, bytes: 0, requests: 0, retries: 0, failures: 0, splits: 0 },
      time: { limits_s: 0, server_s: 0, parse_s: 0, transform_s: 0, write_s: 0 },
      limited: 0,
      deduped: 0,
      error: undefined,
      heldUntil: 0,
    };
  }

  get live() {
    return this.state === "running";
  }

  start() {
    this.state = "running";
    this.startedAt = Date.now();
    this.emit(0, "started", {});
    for (const part of this.parts) part.state = "running";
    this.timer = setInterval(() => this.tick(), 50);
  }

  emit(worker, action, more) {
    this.world.emit({ run: this.id, worker_id: worker, action, ...more });
  }

  tick() {
    const now = Date.now();
    for (const worker of this.workers) {
      if (worker.task) this.go(worker, now);
      else if (!this.stopping) this.take(worker, now);
    }
    const open = this.parts.some((part) => part.waiting.length + part.inFlight > 0);
    if (!open || this.stopping) this.end(this.stopping ? "cancelled" : undefined);
  }

  take(worker, now) {
    const ready = this.parts.filter(
      (part) =>
        part.heldUntil <= now && part.inFlight < LIMIT && part.waiting.some((s) => s.notBefore <= now),
    );
    if (ready.length === 0) return;
    const part = this.random.pick(ready);
    const split = part.waiting.splice(
      part.waiting.findIndex((s) => s.notBefore <= now),
      1,
    )[0];
    part.inFlight += 1;
    worker.task = {
      part,
      split,
      action: "opening",
      since: now,
      until: now + 40,
      batches: 0,
      records: 0,
      left: this.random.whole(...part.source.batches),
    };
    this.emit(worker.worker_id, "fetching", this.about(worker.task, { url: this.url(part, split) }));
  }

  about(task, more = {}) {
    return {
      source: task.part.source.name,
      stream: task.split.stream,
      split: task.split.id,
      attempt: task.split.attempt,
      ...(task.split.phase ? { phase: task.split.phase } : {}),
      ...(task.split.subject ? { subject: task.split.subject } : {}),
      ...more,
    };
  }

  url(part, split) {
    return part.source.host
      ? `https://${part.source.host}/${split.stream}?${split.id.replace(" ", "=")}`
      : undefined;
  }

  /** The next step of a worker, if its time has come. */
  go(worker, now) {
    const { task } = worker;
    if (now < task.until) return;
    const { part } = task;
    const step = { opening: "fetching", fetching: "transforming", transforming: "writing" }[task.action];
    const took = (now - task.stepSince || 40) / 1000;
    if (task.action === "fetching") {
      part.time.server_s += took;
      part.totals.requests += part.source.host ? 1 : 0;
      if (this.trouble(worker, now)) return;
    }
    if (task.action === "transforming") {
      part.time.parse_s += took * 0.6;
      part.time.transform_s += took * 0.4;
    }
    if (task.action === "writing") {
      part.time.write_s += took;
      this.wrote(worker);
      if (task.left <= 0) {
        this.finished(worker);
        return;
      }
    }
    task.action = step ?? "fetching";
    task.stepSince = now;
    task.until =
      now +
      (task.action === "fetching" ? this.random.between(...part.source.pace) : this.random.between(10, 60));
  }

  trouble(worker, now) {
    const { task } = worker;
    const { part, split } = task;
    const { source } = part;
    if (source.refused) {
      this.fail(
        worker,
        "auth",
        "read",
        "401 Unauthorized: the token was refused. Set `auth.token` to a valid one.",
      );
      return true;
    }
    if (source.limited && this.random.chance(0.06)) {
      const wait = this.random.whole(400, 1600);
      part.limited += 1;
      part.heldUntil = now + wait;
      part.time.limits_s += wait / 1000;
      this.emit(0, "rate_limited", {
        source: source.name,
        duration_ms: wait,
        message: `${source.host} asks to slow down`,
      });
      this.emit(0, "adapted", {
        source: source.name,
        message: `${source.host} gets 3 requests at once`,
      });
    }
    if (source.host && split.attempt < 3 && this.random.chance(0.05)) {
      const wait = this.random.whole(200, 900);
      this.emit(
        worker.worker_id,
        "retrying",
        this.about(task, {
          error: "unavailable",
          stage: "read",
          duration_ms: wait,
          message: "503 Service Unavailable",
        }),
      );
      part.totals.retries += 1;
      part.time.limits_s += wait / 1000;
      split.attempt += 1;
      split.notBefore = now + wait;
      part.waiting.push(split);
      part.inFlight -= 1;
      worker.task = undefined;
      return true;
    }
    if (source.faulty && this.random.chance(0.12)) {
      this.fail(
        worker,
        "data",
        "parse",
        `expected value at line ${this.random.whole(1, 90)} column 12: the item is not JSON`,
      );
      return true;
    }
    return false;
  }

  fail(worker, kind, stage, reason) {
    const { task } = worker;
    const { part, split } = task;
    part.totals.failures += 1;
    part.error ??= reason;
    this.world.addFailure(this, task, kind, stage, reason);
    this.emit(worker.worker_id, "error", this.about(task, { error: kind, stage, message: reason }));
    part.failed = (part.failed ?? 0) + 1;
    part.totals.splits += 1;
    part.inFlight -= 1;
    worker.task = undefined;
    void split;
  }

  wrote(worker) {
    const { task } = worker;
    const records = this.random.whole(60, 100);
    const fresh = Math.round(records * 0.9);
    task.left -= 1;
    task.batches += 1;
    task.records += records;
    const { totals } = task.part;
    totals.records += fresh;
    totals.bytes += records * 700;
    task.part.deduped += records - fresh;
    this.emit(
      worker.worker_id,
      "found",
      this.about(task, { count: records, duration_ms: Date.now() - task.stepSince }),
    );
    this.emit(worker.worker_id, "inserted", this.about(task, { count: fresh }));
    if (records > fresh) this.emit(worker.worker_id, "deduped", this.about(task, { count: records - fresh }));
  }

  finished(worker) {
    const { task } = worker;
    task.part.inFlight -= 1;
    task.part.totals.splits += 1;
    worker.splits_done += 1;
    worker.records_done += task.records;
    this.phaseDone(task);
    this.emit(worker.worker_id, "complete", this.about(task));
    worker.task = undefined;
  }

  /** A split of a phase is done: the next phase gets what was found. */
  phaseDone({ part, split, records }) {
    const at = part.phases?.findIndex((each) => each.phase === split.phase) ?? -1;
    if (at < 0) return;
    part.phases[at].splits_done += 1;
    part.phases[at].records += records;
    const next = part.source.phases[at + 1];
    if (!next) return;
    const from = part.phases[at + 1].splits_total;
    part.waiting.push(...Array.from({ length: next.each }, (_, n) => splitOf(part.source, from + n, next)));
    part.phases[at + 1].splits_total += next.each;
    part.known += next.each;
  }

  end(state) {
    clearInterval(this.timer);
    for (const part of this.parts) part.state = stateOf(part, state);
    const states = new Set(this.parts.map((part) => part.state));
    this.state = state ?? (states.size === 1 ? [...states][0] : "partial");
    this.finishedAt = Date.now();
    for (const worker of this.workers) worker.task = undefined;
    for (const part of this.parts) part.inFlight = 0;
    this.emit(0, "complete", {
      count: this.totals().records,
      duration_ms: this.finishedAt - this.startedAt,
      message: this.state,
    });
    this.world.ended(this);
  }

  cancel() {
    if (this.state === "queued") this.end("cancelled");
    else this.stopping = true;
  }

  totals() {
    const sum = { records: 0, bytes: 0, requests: 0, retries: 0, failures: 0, splits: 0 };
    for (const part of this.parts) for (const key of Object.keys(sum)) sum[key] += part.totals[key];
    return sum;
  }

  summary() {
    return {
      id: this.id,
      state: this.state,
      trigger: this.trigger,
      sources: this.parts.map((part) => part.source.name),
      started_at: new Date(this.startedAt).toISOString(),
      ...(this.finishedAt ? { finished_at: new Date(this.finishedAt).toISOString() } : {}),
      duration_s: ((this.finishedAt ?? Date.now()) - this.startedAt) / 1000,
      totals: this.totals(),
    };
  }

  detail() {
    return {
      ...this.summary(),
      full_refresh: this.request.full_refresh ?? false,
      ...(this.request.limit ? { limit: this.request.limit } : {}),
      by_source: this.parts.map((part) => this.partView(part)),
      ...(this.live ? { live: this.liveView() } : {}),
      ...(this.finishedAt && this.state !== "abandoned" ? { report: this.report() } : {}),
    };
  }

  partView(part) {
    const held = this.live && part.heldUntil > Date.now();
    return {
      name: part.source.name,
      type: part.source.type,
      state: part.waiting.length + part.inFlight === 0 && this.live ? stateOf(part) : part.state,
      splits_known: part.known,
      in_flight: part.inFlight,
      totals: part.totals,
      time: part.time,
      ...(held ? { waiting: `${part.source.host} asked to wait` } : {}),
      ...(part.error ? { error: part.error } : {}),
      ...(part.phases ? { phases: part.phases } : {}),
      ...budgetOf(part),
    };
  }

  liveView() {
    const now = Date.now();
    const elapsed = (now - this.startedAt) / 1000;
    const totals = this.totals();
    const known = this.parts.reduce((sum, part) => sum + part.known, 0);
    const done = totals.splits;
    return {
      elapsed_s: elapsed,
      records_per_s: totals.records / Math.max(elapsed, 0.1),
      bytes_per_s: totals.bytes / Math.max(elapsed, 0.1),
      ...(done > 5 ? { eta_s: (elapsed / done) * (known - done) } : {}),
      in_flight: this.parts.reduce((sum, part) => sum + part.inFlight, 0),
      queued: this.parts.reduce((sum, part) => sum + part.waiting.length, 0),
      stopping: this.stopping,
      workers: this.workers.map((worker) => workerView(worker, now)),
      pools: this.world.pools(),
      held_back: this.world.hosts().filter((host) => host.limit !== undefined),
    };
  }

  report() {
    return {
      ...this.summary(),
      run_id: this.id,
      status: this.state,
      ...this.totals(),
      peak_rss_bytes: 48_000_000,
      cpu_s: 1.84,
      sources: this.parts.map((part) => ({
        name: part.source.name,
        type: part.source.type,
        status: part.state,
        ...part.totals,
        deduped: part.deduped,
        rate_limited: part.limited,
        dropped: 0,
        warnings: 0,
        duration_s: (this.finishedAt - this.startedAt) / 1000,
        busy_s: part.time.server_s + part.time.write_s,
        ...(part.source.gaps ? { gaps: part.source.gaps } : {}),
        error: part.error ?? null,
      })),
    };
  }
}

/** What it has cost, and was expected to take. */
function budgetOf({ source, totals }) {
  const cost = source.budget?.cost_per_request;
  return cost ? { cost: totals.requests * cost, estimate: ESTIMATE } : {};
}

function splitOf(source, at, phase) {
  const about = phase?.about ?? source.about;
  const page = `page ${at + 1}`;
  return {
    id: source.type === "files" ? `incoming/2026-01/${source.name}-${at + 1}.json` : page,
    stream: phase?.stream ?? source.streams[at % source.streams.length],
    attempt: 1,
    notBefore: 0,
    ...(phase ? { phase: phase.phase, id: `${phase.stream} ${page}` } : {}),
    ...(about ? { subject: { [about[0]]: about[1][at % about[1].length] } } : {}),
  };
}

function stateOf(part, forced) {
  const failed = part.failed ?? 0;
  if (forced && part.waiting.length + part.inFlight > 0) return forced;
  if (failed === 0) return "completed";
  return failed === part.known ? "failed" : "partial";
}

function workerView(worker, now) {
  const { task } = worker;
  const done = {
    worker_id: worker.worker_id,
    splits_done: worker.splits_done,
    records_done: worker.records_done,
  };
  if (!task) return { ...done, action: "idle", batches: 0, records: 0, attempt: 1 };
  return {
    ...done,
    action: task.action,
    source: task.part.source.name,
    stream: task.split.stream,
    split: task.split.id,
    ...(task.split.phase ? { phase: task.split.phase } : {}),
    ...(task.split.subject ? { subject: task.split.subject } : {}),
    since_s: (now - task.since) / 1000,
    batches: task.batches,
    records: task.records,
    attempt: task.split.attempt,
  };
}
