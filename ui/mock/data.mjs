// The tables of the mock: their rows, views and past.
import { SELLER_COLUMNS } from "./history.mjs";
import { page } from "./paging.mjs";
import { POST_COLUMNS, recent, sentiment, trending, VIEW } from "./posts.mjs";
import { Refused } from "./refused.mjs";
import { COLUMNS, row, TABLES } from "./sources.mjs";

/** Answers what is asked for below `/datasets`. */
export function dataRoute(world, method, path, query, body) {
  const [, name, ...rest] = path;
  if (name === undefined) {
    return page(
      Object.keys(TABLES).map((each) => dataset(world, each)),
      query,
    );
  }
  if (rest.length === 0) return { ...dataset(world, name), columns: contents(world, name).columns };
  if (method === "GET" && rest[0] === "records") return records(world, name, query);
  const found =
    name === "sellers" ? past(world.sellers, method, rest, query, body) : view(world, name, rest, query);
  if (found) return found;
  throw new Refused(404, "Not Found", `There is no ${method} ${path.join("/")}.`);
}

function view({ posts }, name, rest, query) {
  if (name !== "posts") return undefined;
  if (rest[0] === "recent") return page(recent(posts, query), query);
  if (rest[0] === "sentiment") return sentiment(name, posts, query);
  if (rest[0] === "trending") return trending(name, posts, query);
  return undefined;
}

function past(sellers, method, [what, which, verb], query, body) {
  switch (`${method} ${what}${verb ? `/${verb}` : ""}`) {
    case "GET history":
      return page([...sellers.episodes].reverse(), query);
    case "GET changes":
      return page(sellers.changes(query), query);
    case "GET snapshots":
      return page(sellers.snapshots, query);
    case "GET diff":
      return sellers.diff(query);
    case "POST records":
      return sellers.insert(body.records);
    case "POST remove":
      return sellers.remove(body.keys);
    case "PATCH records":
      return sellers.update(which, body);
    case "DELETE records":
      return sellers.remove([which]);
    case "POST changes/undo":
      return sellers.undo(Number(which));
    default:
      return undefined;
  }
}

function tableOf(name) {
  const table = TABLES[name];
  if (!table) throw new Refused(404, "Not Found", `There is no table ${name}.`);
  return table;
}

/** The rows of a table, and its columns. */
function contents(world, name) {
  if (name === "posts") return { columns: POST_COLUMNS, rows: world.posts };
  if (name === "sellers") return { columns: SELLER_COLUMNS, rows: [...world.sellers.rows.values()] };
  const rows = Array.from({ length: Math.min(tableOf(name).rows, 2000) }, (_, at) => row(at + 1));
  return { columns: COLUMNS, rows };
}

function dataset(world, name) {
  const table = tableOf(name);
  const rows = table.rows ?? contents(world, name).rows.length;
  return {
    name,
    rows,
    bytes: rows * 412,
    destination: "sqlite, busta.db",
    sources: [table.source],
    view: name === "posts" ? VIEW : null,
    history: name === "sellers",
  };
}

function records(world, name, query) {
  const { columns, rows: all } = contents(world, name);
  let rows = [...all];
  for (const condition of (query.get("filter") ?? "").split(",").filter(Boolean)) {
    const [, column, operator, value] = /^([a-z_]+)(!=|<=|>=|=|<|>|~)(.*)$/.exec(condition) ?? [];
    if (!columns.some((each) => each.name === column)) {
      throw new Refused(
        400,
        "Bad Request",
        `There is no column ${column ?? condition}.`,
        "The schema names them.",
      );
    }
    rows = rows.filter((each) => holds(each[column], operator, value));
  }
  const order = query.get("order");
  if (order) {
    const column = order.replace(/^-/, "");
    rows.sort(
      (a, b) => (a[column] < b[column] ? -1 : a[column] > b[column] ? 1 : 0) * (order[0] === "-" ? -1 : 1),
    );
  }
  return page(rows, query);
}

function holds(have, operator, value) {
  const number = Number(value);
  switch (operator) {
    case "=":
      return String(have) === value;
    case "!=":
      return String(have) !== value;
    case "~":
      return String(have).toLowerCase().includes(value.toLowerCase());
    case "<":
      return have < number;
    case "<=":
      return have <= number;
    case ">":
      return have > number;
    default:
      return have >= number;
  }
}

export function exported(world, response, name, format) {
  const { columns, rows } = contents(world, name);
  const lines = {
    csv: () =>
      [
        columns.map((column) => column.name).join(","),
        ...rows.map((each) => columns.map(({ name: column }) => quoted(each[column])).join(",")),
      ].join("\r\n"),
    json: () => JSON.stringify(rows),
    ndjson: () => rows.map((each) => JSON.stringify(each)).join("\n"),
  }[format];
  if (!lines) throw new Refused(400, "Bad Request", `There is no format ${format}.`);
  response.writeHead(200, {
    "Content-Type": { csv: "text/csv", json: "application/json", ndjson: "application/x-ndjson" }[format],
    "Content-Disposition": `attachment; filename="${name}.${format}"`,
  });
  response.end(lines());
}

function quoted(value) {
  const text = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
