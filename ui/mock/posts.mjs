// Posts with sentiment, over the last month: what the views of a dataset show.
import { randomOf } from "./random.mjs";

const HOUR = 3_600_000;
const MOST = 1400;
const DAYS = 30;

const GROUPS = ["rust", "programming", "selfhosted", "dataengineering", "opensource", "photography"];
const THINGS = ["borrow checker", "release", "dashboard", "cluster", "camera", "parser", "licence", "laptop"];
const SAID = {
  positive: ["I love how the", "Wonderful news about the", "So happy with my new", "Great work on the"],
  neutral: ["A question about the", "How do you configure the", "Where is the", "Notes on the"],
  negative: ["I hate the", "Terrible experience with the", "The worst bug of the", "Disappointed by the"],
};
const BODIES = [
  "I have been using it for three weeks now, on two machines, and wanted to share what I learned on the way. It is long, sorry.",
  "",
  "Short version: it works. Long version below, with figures and what I would do differently next time.",
  "Has anybody else seen this? I searched but found only old threads, none of which had an answer.",
];
const COMPOUND = { positive: [0.2, 0.95], neutral: [-0.04, 0.04], negative: [-0.9, -0.15] };

export const VIEW = {
  time: "created_utc",
  group_by: "subreddit",
  text: ["title", "selftext"],
  score: "score",
  sentiment: "sentiment",
};

export const POST_COLUMNS = [
  ["id", "TEXT"],
  ["subreddit", "TEXT"],
  ["title", "TEXT"],
  ["selftext", "TEXT"],
  ["author", "TEXT"],
  ["created_utc", "INTEGER"],
  ["score", "INTEGER"],
  ["num_comments", "INTEGER"],
  ["url", "TEXT"],
  ["sentiment_compound", "REAL"],
  ["sentiment_pos", "REAL"],
  ["sentiment_neu", "REAL"],
  ["sentiment_neg", "REAL"],
  ["sentiment_label", "TEXT"],
].map(([name, type], at) => ({ name, type, primary_key: at === 0 }));

/** Newest first; the same each time but for when they were written. */
export function makePosts(now = Date.now()) {
  const random = randomOf(23);
  return Array.from({ length: MOST }, (_, at) => {
    const ago = (at / MOST) ** 1.6 * DAYS * 24 * HOUR + 40_000;
    return post(random, MOST - at, Math.floor((now - ago) / 1000));
  });
}

function post(random, number, created) {
  const group = random.pick(GROUPS);
  const lean = { rust: 0.5, opensource: 0.45, selfhosted: 0.35, photography: 0.55 }[group] ?? 0.25;
  const draw = random.next();
  const label = draw < lean ? "positive" : draw < lean + 0.3 ? "neutral" : "negative";
  const compound = Math.round(random.between(...COMPOUND[label]) * 1e4) / 1e4;
  const thing = random.pick(THINGS);
  const strong = Math.abs(compound) * 0.6;
  return {
    id: `t3_${(number + 100_000).toString(36)}`,
    subreddit: group,
    title: `${random.pick(SAID[label])} ${thing} (${number})`,
    selftext: random.pick(BODIES),
    author: `user_${random.whole(1, 400)}`,
    created_utc: created,
    score: Math.floor(random.next() ** 4 * 4200),
    num_comments: random.whole(0, 320),
    url: `https://forum.example/${group}/${number}`,
    sentiment_compound: compound,
    sentiment_pos: label === "positive" ? strong : 0.02,
    sentiment_neu: 1 - strong - 0.02,
    sentiment_neg: label === "negative" ? strong : 0.02,
    sentiment_label: label,
  };
}

const UNITS = { m: 60, h: 3600, d: 86_400 };

/** `24h` in seconds. */
function seconds(text) {
  const [, number, unit] = /^(\d+)([mhd])$/.exec(text) ?? [undefined, "24", "h"];
  return Number(number) * UNITS[unit];
}

const inGroup = (group) => (each) => !group || each.subreddit === group;

export function recent(posts, query) {
  const words = (query.get("q") ?? "").toLowerCase();
  const since = query.get("since") ? new Date(query.get("since")).getTime() / 1000 : 0;
  const label = query.get("label");
  return posts
    .filter(inGroup(query.get("group")))
    .filter((each) => !label || each.sentiment_label === label)
    .filter((each) => each.created_utc >= since)
    .filter((each) => `${each.title} ${each.selftext}`.toLowerCase().includes(words));
}

function mood(list) {
  const of = (label) => list.filter((each) => each.sentiment_label === label).length;
  const sum = list.reduce((total, each) => total + each.sentiment_compound, 0);
  return {
    records: list.length,
    positive: of("positive"),
    neutral: of("neutral"),
    negative: of("negative"),
    compound_mean: list.length > 0 ? sum / list.length : null,
  };
}

export function sentiment(dataset, posts, query) {
  const window = seconds(query.get("window") ?? "24h");
  const bucket = seconds(query.get("bucket") ?? "1h");
  const to = Math.floor(Date.now() / 1000);
  const first = Math.floor((to - window) / bucket) * bucket;
  const there = posts.filter((each) => each.created_utc >= to - window).filter(inGroup(query.get("group")));
  const groups = [...new Set(there.map((each) => each.subreddit))];
  const steps = Array.from({ length: Math.ceil((to - first) / bucket) }, (_, at) => first + at * bucket);
  return {
    dataset,
    from: time(to - window),
    to: time(to),
    bucket_s: bucket,
    total: mood(there),
    groups: groups.map((group) => ({ group, ...mood(there.filter(inGroup(group))) })),
    series: steps.map((at) => ({
      at: time(at),
      ...mood(there.filter((each) => each.created_utc >= at && each.created_utc < at + bucket)),
    })),
  };
}

export function trending(dataset, posts, query) {
  const window = seconds(query.get("window") ?? "24h");
  const to = Math.floor(Date.now() / 1000);
  const there = posts.filter((each) => each.created_utc >= to - window).filter(inGroup(query.get("group")));
  const limit = Number(query.get("limit") ?? 20);
  const records = there
    .map((record) => ({ velocity: record.score / Math.max(0.5, (to - record.created_utc) / 3600), record }))
    .sort((a, b) => b.velocity - a.velocity)
    .slice(0, limit);
  const terms = THINGS.flatMap((thing) => thing.split(" "))
    .map((term, at) => {
      const count = there.filter((each) => each.title.includes(term)).length;
      const before = at === 2 ? 0 : count / (0.6 + ((at * 7) % 11) / 2);
      return { term, count, before, growth: (count - before) / Math.sqrt(before + 1) };
    })
    .filter((each) => each.count > 2 && each.growth > 0)
    .sort((a, b) => b.growth - a.growth)
    .slice(0, limit);
  return { dataset, from: time(to - window), to: time(to), records, terms };
}

function time(at) {
  return new Date(at * 1000).toISOString();
}
