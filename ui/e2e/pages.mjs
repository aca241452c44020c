import { test } from "node:test";
import {
  api,
  barriers,
  closePage,
  fitsTheScreen,
  NARROW,
  noneIsSerious,
  open,
  openPage,
  shot,
  WIDE,
} from "./browser.mjs";

/** The addresses to look at, once there is something to see. */
async function paths() {
  const [runs, sources, datasets] = await Promise.all([
    api("/runs?limit=50"),
    api("/sources"),
    api("/datasets"),
  ]);
  const ended = runs.items.find((run) => run.finished_at);
  const failed = runs.items.find((run) => run.finished_at && run.totals.failures > 0);
  return {
    overview: "/",
    runs: "/runs",
    run: `/runs/${(failed ?? ended).id}`,
    sources: "/sources",
    source: `/sources/${sources.items[0].name}`,
    ...Object.fromEntries(
      sources.items.filter((each) => each.pause).map(({ name }) => ["paused", `/sources/${name}`]),
    ),
    failures: "/failures",
    data: "/data",
    dataset: `/data/${datasets.items.toSorted((a, b) => b.rows - a.rows)[0].name}`,
    ...tabs(datasets.items),
    resources: "/resources",
    nowhere: "/no/such/page",
  };
}

/** The views of datasets, where there are any. */
function tabs(datasets) {
  const viewed = datasets.find((dataset) => dataset.view);
  const logged = datasets.find((dataset) => dataset.history);
  const of = (dataset, names) =>
    names.map((name) => [name, `/data/${encodeURIComponent(dataset.name)}?tab=${name}`]);
  return Object.fromEntries([
    ...(viewed ? of(viewed, ["recent", "sentiment", "trending"]) : []),
    ...(logged ? of(logged, ["grid", "history", "diff"]) : []),
  ]);
}

const LOOKS = [
  { name: "wide-light", size: WIDE, dark: false },
  { name: "wide-dark", size: WIDE, dark: true },
  { name: "narrow-light", size: NARROW, noneIsSerious, dark: false },
  { name: "narrow-dark", size: NARROW, noneIsSerious, dark: true },
];

for (const look of LOOKS) {
  test(`every page, ${look.name}: no error, nothing wider than the screen, nothing that keeps people out`, async () => {
    const page = await openPage(look);
    const found = [];
    for (const [name, path] of Object.entries(await paths())) {
      await open(page, path);
      // Charts are loaded after the rest.
      await page.waitForTimeout(300);
      await fitsTheScreen(page);
      await shot(page, `${name}-${look.name}`, { fullPage: true });
      found.push(...(await barriers(page, `${name}-${look.name}`)));
    }
    noneIsSerious(found);
    await closePage(page);
  });
}
