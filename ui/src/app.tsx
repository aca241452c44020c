import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { signInNeeded, signOut, token } from "./api/token.ts";
import { Icon, type IconName } from "./components/icon.tsx";
import { PageFrame } from "./components/page.tsx";
import { Toasts } from "./components/toasts.tsx";
import { connection } from "./live/activity.ts";
import { DatasetPage } from "./pages/dataset.tsx";
import { DatasetsPage } from "./pages/datasets.tsx";
import { FailuresPage } from "./pages/failures.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { ResourcesPage } from "./pages/resources.tsx";
import { RunPage } from "./pages/run.tsx";
import { RunsPage } from "./pages/runs.tsx";
import { SignInPage } from "./pages/sign-in.tsx";
import { SourcePage } from "./pages/source.tsx";
import { SourcesPage } from "./pages/sources.tsx";
import { match } from "./state/path.ts";
import { opened, place } from "./state/router.ts";
import { setTheme, type Theme, theme } from "./state/theme.ts";

const NAV: { to: string; text: string; icon: IconName }[] = [
  { to: "/", text: "Overview", icon: "overview" },
  { to: "/runs", text: "Runs", icon: "runs" },
  { to: "/sources", text: "Sources", icon: "sources" },
  { to: "/failures", text: "Failures", icon: "failures" },
  { to: "/data", text: "Data", icon: "data" },
  { to: "/resources", text: "Resources", icon: "resources" },
];

const ROUTES: [string, (found: Record<string, string>) => ComponentChildren][] = [
  ["/", () => <OverviewPage />],
  ["/runs", () => <RunsPage />],
  ["/runs/:id", ({ id = "" }) => <RunPage key={id} id={id} />],
  ["/sources", () => <SourcesPage />],
  ["/sources/:name", ({ name = "" }) => <SourcePage key={name} name={name} />],
  ["/failures", () => <FailuresPage />],
  ["/data", () => <DatasetsPage />],
  ["/data/:name", ({ name = "" }) => <DatasetPage key={name} name={name} />],
  ["/resources", () => <ResourcesPage />],
];

function page(path: string): ComponentChildren {
  for (const [pattern, show] of ROUTES) {
    const found = match(pattern, path);
    if (found) return show(found);
  }
  return (
    <PageFrame title="There is no such page">
      <p>
        <a href="/">To the overview</a>
      </p>
    </PageFrame>
  );
}

export function App() {
  const main = useRef<HTMLElement>(null);
  const count = opened.value;
  const signIn = signInNeeded.value;
  useEffect(() => {
    // Who uses a keyboard or a screen reader goes on at the heading of the page that was opened.
    if (count === 0) return;
    window.scrollTo(0, 0);
    main.current?.querySelector("h1")?.focus({ preventScroll: true });
  }, [count]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="side">
        <div class="top">
          <a class="brand" href="/">
            <Mark />
            busta
          </a>
          {!signIn && <Nav />}
          <div class="top-end">
            {!signIn && <Connection />}
            <ThemeButton />
            {!signIn && token.value !== null && (
              <button
                type="button"
                class="quiet square"
                aria-label="Sign out"
                title="Sign out"
                onClick={signOut}
              >
                <Icon name="exit" />
              </button>
            )}
          </div>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {signIn ? <SignInPage /> : page(place.value.path)}
      </main>
      <Toasts />
    </>
  );
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M8 9h9M8 16h13M8 23h16" />
      <circle cx="23" cy="9" r="2.2" />
    </svg>
  );
}

function Nav() {
  const { path } = place.value;
  return (
    <nav aria-label="Main">
      <ul>
        {NAV.map(({ to, text, icon }) => {
          const exact = path === to;
          const inside = exact || (to !== "/" && path.startsWith(`${to}/`));
          return (
            <li key={to}>
              <a href={to} aria-current={exact ? "page" : inside ? "true" : undefined}>
                <Icon name={icon} />
                <span>{text}</span>
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

/** A lost connection is told when it lasts; one that is only made anew, for another page, is not. */
const PATIENCE_MS = 1500;

function Connection() {
  const state = connection.value;
  const live = state.kind === "live";
  const [shown, setShown] = useState<"new" | "live" | "lost">("new");
  useEffect(() => {
    if (live) {
      setShown("live");
      return;
    }
    const timer = setTimeout(() => setShown("lost"), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [live]);
  const words = { new: "Connecting", live: "Live", lost: "No connection, trying again" }[shown];
  return (
    <div class={`connection ${shown}`} data-connection={state.kind} role="status">
      <span class="connection-dot" aria-hidden="true" />
      <span>{words}</span>
    </div>
  );
}

const THEMES: Record<Theme, { icon: IconName; words: string; next: Theme }> = {
  system: { icon: "screen", words: "as the system", next: "light" },
  light: { icon: "sun", words: "light", next: "dark" },
  dark: { icon: "moon", words: "dark", next: "system" },
};

function ThemeButton() {
  const look = THEMES[theme.value];
  const words = `Colours: ${look.words}. Change to ${THEMES[look.next].words}`;
  return (
    <button
      type="button"
      class="quiet square"
      aria-label={words}
      title={words}
      data-theme-choice={theme.value}
      onClick={() => setTheme(look.next)}
    >
      <Icon name={look.icon} />
    </button>
  );
}
