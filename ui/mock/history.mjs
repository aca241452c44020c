// A table whose changes are logged: sellers, found by runs and edited by people.
import { randomOf } from "./random.mjs";

const RUNS = 9;
const EACH = 42;
const DAY = 86_400_000;
const WHO = "maria";

const FIRST = ["Blue", "North", "Rapid", "Happy", "Golden", "Green", "Urban", "Prime", "Family", "Harbor"];
const SECOND = [
  "Deals",
  "Outlet",
  "Goods",
  "Traders",
  "Supply",
  "Electronics",
  "Corner",
  "Warehouse",
  "Shop",
];

export const SELLER_COLUMNS = [
  ["seller_key", "TEXT"],
  ["name", "TEXT"],
  ["feedback_score", "INTEGER"],
  ["feedback_percentage", "REAL"],
  ["country", "TEXT"],
  ["discovered_at", "TEXT"],
  ["product_id", "TEXT"],
  ["product_title", "TEXT"],
  ["product_category", "TEXT"],
  ["item_id", "TEXT"],
  ["marketplace", "TEXT"],
].map(([name, type], at) => ({ name, type, primary_key: at === 0 }));

/** Rows with their past. What cannot be done is thrown as `{ status, message }`. */
export class History {
  constructor(now = Date.now()) {
    this.rows = new Map();
    this.log = [];
    this.episodes = [];
    this.snapshots = [];
    this.random = randomOf(41);
    this.since = now - RUNS * 0.37 * DAY - 60_000;
    for (let run = RUNS; run > 0; run -= 1) this.collect(now - run * 0.37 * DAY, RUNS - run);
  }

  collect(at, nth) {
    const run = `01JD${String(nth).padStart(2, "0")}SELLERS${String(1000 + nth * 37)}`;
    const episode = this.begin({ kind: "run", at: new Date(at).toISOString(), run, source: "marketplace" });
    for (let found = 0; found < EACH - nth * 3; found += 1) {
      const seller = this.seller(new Date(at).toISOString());
      if (!this.rows.has(seller.seller_key)) this.change(episode, "insert", seller.seller_key, seller);
    }
    for (const [key, row] of [...this.rows].slice(0, nth > 0 ? 3 : 0)) {
      this.change(episode, "update", key, { ...row, feedback_score: row.feedback_score + 10 + nth });
    }
    const { count, seq } = episode;
    this.snapshots.unshift({ run, source: "marketplace", at: episode.at, seq, count });
  }

  seller(at) {
    const { random } = this;
    const name = `${random.pick(FIRST)} ${random.pick(SECOND)} ${random.whole(1, 12)}`;
    const product = random.whole(1000, 9999);
    return {
      seller_key: name.toLowerCase().replace(/[^a-z0-9]/g, ""),
      name,
      feedback_score: random.whole(12, 98_000),
      feedback_percentage: Math.round(random.between(91, 100) * 10) / 10,
      country: random.pick(["US", "US", "US", "CA"]),
      discovered_at: at,
      product_id: `B0${product}XK`,
      product_title: `${random.pick(["Wireless headphones", "Smart lamp", "USB hub", "Webcam"])}, model ${product}`,
      product_category: random.pick(["Electronics", "Home", "Office"]),
      item_id: `v1|${random.whole(1e11, 9e11)}|0`,
      marketplace: "EBAY_US",
    };
  }

  begin(what) {
    const change = this.episodes.length + 1;
    const at = new Date().toISOString();
    const episode = {
      at,
      ...what,
      change,
      inserted: 0,
      updated: 0,
      removed: 0,
      count: this.rows.size,
      seq: this.log.length,
    };
    this.episodes.push(episode);
    return episode;
  }

  change(episode, action, key, after) {
    const before = this.rows.get(key);
    if (after) this.rows.set(key, after);
    else this.rows.delete(key);
    episode[{ insert: "inserted", update: "updated", remove: "removed" }[action]] += 1;
    episode.count = this.rows.size;
    episode.seq = this.log.length + 1;
    const { kind, change, at, run, who } = episode;
    this.log.push({
      seq: episode.seq,
      at,
      action,
      change,
      kind,
      ...(run ? { run } : {}),
      ...(who ? { who } : {}),
      source: "marketplace",
      key: { seller_key: key },
      ...(before ? { before } : {}),
      ...(after ? { after } : {}),
      count: this.rows.size,
    });
  }

  /** An edit: steps of action, key and the row after it. */
  edit(action, steps, more = {}) {
    const keys = steps.slice(0, 20).map(([, key]) => ({ seller_key: key }));
    const episode = this.begin({ kind: "edit", who: WHO, action, keys, ...more });
    const records = steps.map(([, key, after]) => after ?? this.rows.get(key));
    for (const [what, key, after] of steps) this.change(episode, what, key, after);
    return { change: episode.change, count: this.rows.size, records };
  }

  insert(list) {
    for (const { seller_key: key } of list) {
      if (!key) throw refused(400, "A row needs a value for `seller_key`.");
      if (this.rows.has(key)) throw refused(409, `There is a row \`${key}\` already.`);
    }
    const empty = Object.fromEntries(SELLER_COLUMNS.map(({ name }) => [name, null]));
    return this.edit(
      "insert",
      list.map((record) => ["insert", record.seller_key, { ...empty, ...record }]),
    );
  }

  update(key, fields) {
    return this.edit("update", [["update", key, { ...this.row(key), ...fields }]]);
  }

  remove(keys) {
    const names = keys.map((key) => (typeof key === "object" ? key.seller_key : key));
    for (const name of names) this.row(name);
    return this.edit(
      "remove",
      names.map((name) => ["remove", name, undefined]),
    );
  }

  undo(change) {
    const past = this.episodes.find((each) => each.change === change && each.kind === "edit");
    if (!past) throw refused(404, `There is no edit ${change}.`);
    if (past.undone_by) throw refused(409, "This edit was undone already.");
    const back = { insert: "remove", remove: "insert", update: "update" };
    const steps = this.log
      .filter((entry) => entry.change === change)
      .reverse()
      .map((entry) => [back[entry.action], entry.key.seller_key, entry.before]);
    const done = this.edit("undo", steps, { undoes: change });
    past.undone_by = done.change;
    return done;
  }

  row(key) {
    const row = this.rows.get(key);
    if (!row) throw refused(404, `There is no row \`${key}\`.`);
    return row;
  }

  changes(query) {
    const run = query.get("run");
    const key = query.get("key");
    return this.log
      .filter((entry) => (!run || entry.run === run) && (!key || entry.key.seller_key === key))
      .reverse();
  }

  /** The last entry before a place: a run's end, a number, a moment, or now. */
  place(text) {
    const run = this.snapshots.find((each) => each.run === text);
    if (run) return run.seq;
    if (!text || text === "now") return this.log.length;
    if (text.startsWith("seq:")) return Number(text.slice(4));
    const at = new Date(text).getTime();
    if (Number.isNaN(at)) throw refused(400, `\`${text}\` is no place in a history.`);
    if (at < this.since) {
      throw refused(400, `The rows are not known before ${new Date(this.since).toISOString()}.`);
    }
    return this.log.filter((entry) => new Date(entry.at).getTime() <= at).length;
  }

  diff(query) {
    const from = this.place(query.get("from"));
    const to = this.place(query.get("to"));
    const first = new Map();
    for (const { key, before, after } of this.log.slice(Math.min(from, to), Math.max(from, to))) {
      const name = key.seller_key;
      first.set(name, { key, before: first.has(name) ? first.get(name).before : before, after });
    }
    const net = [...first.values()];
    return {
      from: this.mark(from),
      to: this.mark(to),
      added: net.filter((each) => !each.before && each.after).map((each) => each.after),
      removed: net.filter((each) => each.before && !each.after).map((each) => each.before),
      changed: net.filter((each) => each.before && each.after),
    };
  }

  mark(seq) {
    const entry = this.log[seq - 1];
    return { seq, ...(entry ? { at: entry.at } : {}), count: entry?.count ?? 0 };
  }
}

function refused(status, message) {
  return Object.assign(new Error(message), { status, title: status === 409 ? "Conflict" : "Bad Request" });
}
