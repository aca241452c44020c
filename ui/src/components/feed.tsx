import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { ActivityEvent } from "../api/types.ts";
import { compact, millis } from "../format/number.ts";
import { splitWords } from "../format/split.ts";
import { dateTime, timeOfDay } from "../format/time.ts";
import type { Feed } from "../live/activity.ts";
import { actionLook } from "./action.ts";
import { Badge } from "./badge.tsx";
import { Code } from "./code.tsx";
import { Dialog } from "./dialog.tsx";
import { type Fact, Facts } from "./facts.tsx";
import { Icon } from "./icon.tsx";
import { shortId } from "./runs.tsx";
import { SubjectWords } from "./subject.tsx";
import { Words } from "./words.tsx";

interface Props {
  feed: Feed;
  label: string;
  empty: string;
  /** What narrows it down, beside the button that holds it. */
  controls?: ComponentChildren;
  /** Whether events name their run. */
  withRun?: boolean;
}

/** Events, newest first. It stands still while somebody reads further down. */
export function FeedList(props: Props) {
  const { feed } = props;
  const [held, setHeld] = useState<ActivityEvent[] | undefined>();
  const [open, setOpen] = useState<ActivityEvent | undefined>();
  const list = useRef<HTMLOListElement>(null);
  const shown = held ?? feed.events;
  const newest = shown[0]?.id ?? 0;
  const waiting = held ? feed.events.filter((event) => event.id > newest).length : 0;

  const resume = () => {
    setHeld(undefined);
    if (list.current) list.current.scrollTop = 0;
  };
  const scrolled = () => {
    const away = (list.current?.scrollTop ?? 0) > 8;
    if (away && !held) setHeld(feed.events);
    else if (!away && held) setHeld(undefined);
  };
  const loadOlder = () => {
    setHeld(undefined);
    feed.loadOlder();
  };

  return (
    <div class="feed-box">
      <div class="feed-bar">
        {props.controls}
        <button
          type="button"
          class="quiet"
          aria-pressed={held !== undefined}
          onClick={held ? resume : () => setHeld(feed.events)}
        >
          <Icon name={held ? "play" : "pause"} />
          {held ? (waiting ? `Go on: ${waiting} new` : "Go on") : "Hold"}
        </button>
      </div>
      {shown.length === 0 && <p class="empty">{feed.loading ? "Loading …" : props.empty}</p>}
      <ol class="feed" ref={list} onScroll={scrolled} onKeyDown={moveByArrows} aria-label={props.label}>
        {shown.map((event, at) => (
          <Line
            key={event.id}
            event={event}
            first={at === 0}
            gap={event.id === feed.gapAfter}
            withRun={props.withRun ?? false}
            open={() => setOpen(event)}
          />
        ))}
        {feed.older !== undefined && (
          <li class="feed-more">
            <button type="button" onClick={loadOlder}>
              Older events
            </button>
          </li>
        )}
      </ol>
      {open && <EventDialog event={open} close={() => setOpen(undefined)} />}
    </div>
  );
}

/** The list is one stop of the Tab key; arrows go from line to line. */
function moveByArrows(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const list = event.currentTarget;
  if (step === undefined || !(list instanceof HTMLElement)) return;
  const lines = [...list.querySelectorAll<HTMLElement>("li button")];
  const at = lines.indexOf(document.activeElement as HTMLElement);
  lines[at + step]?.focus();
  event.preventDefault();
}

interface LineProps {
  event: ActivityEvent;
  first: boolean;
  gap: boolean;
  withRun: boolean;
  open(): void;
}

function Line({ event, first, gap, withRun, open }: LineProps) {
  const look = actionLook(event.action);
  const who = event.worker_id === 0 ? "system" : `worker ${event.worker_id}`;
  return (
    <>
      {gap && <li class="feed-gap">Some events between these were missed.</li>}
      <li>
        <button type="button" class="feed-line" tabIndex={first ? 0 : -1} onClick={open}>
          <time dateTime={event.at}>{timeOfDay(event.at)}</time>
          <Badge icon={look.icon} tone={look.tone} words={look.words} />
          <span class="feed-who">{who}</span>
          <span class="feed-what">
            {withRun && !event.source && <span>run {shortId(event.run)} </span>}
            {event.source && <b>{event.source}</b>}
            {event.stream && event.stream !== event.source && <span>/{event.stream}</span>} {facts(event)}
            {event.message && (
              <span>
                {" "}
                <Words text={event.message} />
              </span>
            )}
            <About event={event} />
          </span>
        </button>
      </li>
    </>
  );
}

/** What an event is about: in the words of its source if it has any, else by the name of its split. */
function About({ event }: { event: ActivityEvent }) {
  if (event.subject) {
    return (
      <>
        {" "}
        <SubjectWords subject={event.subject} most={3} />
      </>
    );
  }
  return event.split && !event.message ? <span class="faint"> {splitWords(event.split)}</span> : null;
}

/** What these count are records; found may be splits too, which belong to none. */
const OF_RECORDS = new Set(["uploading", "inserted", "updated", "edited", "deduped", "warning", "complete"]);

function amount(event: ActivityEvent, count: number): string {
  const records = OF_RECORDS.has(event.action) || (event.action === "found" && event.split !== undefined);
  return records ? `${compact(count)} ${count === 1 ? "record" : "records"}` : compact(count);
}

/** Counts, attempt and time in a few words. */
function facts(event: ActivityEvent): string {
  const words: string[] = [];
  if (event.count !== undefined) words.push(amount(event, event.count));
  if (event.attempt !== undefined && event.attempt > 1) words.push(`attempt ${event.attempt}`);
  if (event.error) words.push(event.stage ? `${event.error} in ${event.stage}` : event.error);
  if (event.duration_ms !== undefined) words.push(millis(event.duration_ms));
  return words.length > 0 ? ` ${words.join(" · ")}` : "";
}

function EventDialog({ event, close }: { event: ActivityEvent; close(): void }) {
  const to = `/runs/${encodeURIComponent(event.run)}`;
  const rows: Fact[] = [
    ["When", dateTime(event.at)],
    ["Who", event.worker_id === 0 ? "the system" : `worker ${event.worker_id}`],
    ["Source", event.source],
    ["Phase", event.phase],
    ["Stream", event.stream],
    ["Split", event.split],
    ["About", event.subject && <SubjectWords subject={event.subject} />],
    ["Count", event.count?.toLocaleString("en")],
    ["Attempt", event.attempt?.toString()],
    ["Duration", event.duration_ms === undefined ? undefined : millis(event.duration_ms)],
    ["Error", event.error],
    ["Stage", event.stage],
    ["Address", event.url],
    [
      "Run",
      <a key="run" href={to} onClick={close}>
        {event.run}
      </a>,
    ],
  ];
  return (
    <Dialog title={`Event: ${actionLook(event.action).words}`} close={close}>
      {event.message && (
        <p>
          <Words text={event.message} />
        </p>
      )}
      <Facts rows={rows} />
      <details>
        <summary>As JSON</summary>
        <Code label="The event as JSON" text={JSON.stringify(event)} />
      </details>
    </Dialog>
  );
}
