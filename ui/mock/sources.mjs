// What the mock pretends to collect from.
export const SOURCES = [
  {
    name: "orders",
    type: "api",
    priority: "high",
    pool: "api",
    host: "shop.example:443",
    splits: 34,
    batches: [2, 5],
    pace: [60, 320],
    schedule: "every 15m",
    streams: ["orders", "order_lines"],
  },
  {
    name: "news",
    type: "rss",
    priority: "normal",
    pool: "rss",
    host: "feeds.example:443",
    splits: 22,
    batches: [1, 1],
    pace: [90, 600],
    schedule: "cron */10 * * * * (Europe/Berlin)",
    streams: ["entries"],
  },
  {
    name: "sentinel",
    type: "stac",
    priority: "normal",
    pool: "api",
    host: "stac.example:443",
    splits: 16,
    batches: [3, 8],
    pace: [180, 700],
    schedule: "cron 0 4 * * * (UTC)",
    streams: ["sentinel-2-l2a"],
    limited: true,
  },
  {
    name: "drops",
    type: "files",
    priority: "low",
    pool: "files",
    splits: 40,
    batches: [1, 2],
    pace: [10, 90],
    schedule: "auto",
    streams: ["drops"],
    faulty: true,
  },
  {
    name: "klines",
    type: "archive",
    priority: "low",
    pool: "archive",
    host: "data.example:443",
    splits: 12,
    batches: [1, 2],
    pace: [20, 120],
    streams: ["klines"],
    gaps: {
      files: 5,
      gaps: [
        { of: "BTCUSDT 1h", from: "2023-12-29", to: "2023-12-30", files: 2 },
        { of: "ETHUSDT 1h", from: "2024-02-04", to: "2024-02-04", files: 1 },
      ],
    },
  },
  {
    name: "forum",
    type: "reddit",
    priority: "normal",
    pool: "api",
    host: "forum.example:443",
    splits: 12,
    batches: [1, 3],
    pace: [80, 300],
    schedule: "every 30m",
    streams: ["posts"],
    about: ["subreddit", ["rust", "programming", "selfhosted", "dataengineering"]],
  },
  {
    name: "marketplace",
    type: "amazon",
    priority: "normal",
    pool: "api",
    host: "market.example:443",
    splits: 4,
    batches: [1, 2],
    pace: [200, 900],
    schedule: "cron 0 6 * * 1-5 (America/New_York)",
    streams: ["products"],
    phases: [
      {
        phase: "amazon",
        stream: "products",
        about: ["category", ["Headphones", "Smart home", "Cameras", "Office"]],
      },
      {
        phase: "ebay",
        stream: "sellers",
        each: 6,
        about: [
          "products.title",
          ["Wireless headphones X200", "Smart lamp 4", "USB hub, 7 ports", "Webcam 1080p"],
        ],
      },
    ],
    budget: { cost_per_request: 0.0025, per_run: 0.25, requests_per_run: 100, requests_per_day: 5000 },
    presets: {
      electronics: { categories: ["Headphones", "Smart home", "Cameras", "Office"] },
      home: { categories: ["Kitchen", "Garden", "Lighting"], pages: 1 },
    },
    settings: {
      file: {
        base_url: "https://market.example",
        max_products: 20,
        auth: { api_key: "***" },
        // biome-ignore lint/suspicious/noThenProperty: the key has this name
        then: [
          {
            type: "ebay",
            of: "products",
            price: ["{with.low}", "{with.high}"],
            conditions: ["NEW"],
            free_shipping: true,
            country: "US",
          },
        ],
        pause_after: 5,
      },
      default: { marketplace: "US", list: "best_sellers", pages: 2 },
    },
  },
  {
    name: "partner-prices-with-a-rather-long-name",
    type: "api",
    priority: "normal",
    pool: "api",
    host: "partner.example:8443",
    splits: 6,
    batches: [1, 2],
    pace: [200, 500],
    streams: ["prices"],
    refused: true,
  },
];

export const TABLES = {
  orders: { source: "orders", rows: 48_211, key: "id" },
  order_lines: { source: "orders", rows: 131_406, key: "line_id" },
  entries: { source: "news", rows: 5_120, key: "guid" },
  "sentinel-2-l2a": { source: "sentinel", rows: 12_004, key: "id" },
  drops: { source: "drops", rows: 940, key: "id" },
  klines: { source: "klines", rows: 2_064, key: "id" },
  posts: { source: "forum" },
  sellers: { source: "marketplace" },
};

export const COLUMNS = [
  { name: "id", type: "INTEGER", primary_key: true },
  { name: "name", type: "TEXT", primary_key: false },
  { name: "price", type: "REAL", primary_key: false },
  { name: "updated_at", type: "TEXT", primary_key: false },
  { name: "properties", type: "JSON", primary_key: false },
  { name: "note", type: "TEXT", primary_key: false },
  { name: "deleted", type: "INTEGER", primary_key: false },
];

const WORDS = ["blue", "green", "lamp", "chair", "table", "oak", "steel", "small", "large", "set"];

/** Row number `at` of any table, from 1. */
export function row(at) {
  const pick = (n) => WORDS[(at * 7 + n * 3) % WORDS.length];
  return {
    id: at,
    name: `${pick(1)} ${pick(2)} ${at}`,
    price: Math.round((((at * 37) % 9000) / 100 + 1) * 100) / 100,
    updated_at: new Date(Date.UTC(2026, 0, 1) + at * 61_000).toISOString(),
    properties: { colour: pick(3), tags: [pick(4), pick(5)], size: { width: at % 50, height: at % 31 } },
    note: at % 3 === 0 ? null : `A note about ${pick(6)}, ${"which goes on and on, ".repeat(at % 9)}end.`,
    deleted: at % 17 === 0 ? 1 : null,
  };
}

/** The preset of a source that has some. */
export function presetOf({ presets = {} }) {
  return Object.keys(presets)[0];
}

/** How a source is configured, as its page shows it. */
export function settingsOf(source) {
  const { presets = {}, settings = { file: { priority: source.priority } } } = source;
  const preset = presetOf(source);
  const from = (origin, values = {}) =>
    Object.entries(values).map(([name, value]) => ({ name, value, origin }));
  return {
    presets: Object.entries(presets).map(([name, values]) => ({ name, values })),
    values: [
      ...from("file", settings.file),
      ...from("preset", presets[preset]),
      ...from("default", settings.default),
    ],
  };
}
