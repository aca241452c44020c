import type { Look } from "./look.ts";

const LOOKS: Record<string, Look> = {
  started: { icon: "play", tone: "info", words: "started" },
  fetching: { icon: "download", tone: "info", words: "fetching" },
  found: { icon: "search", tone: "info", words: "found" },
  uploading: { icon: "up", tone: "info", words: "uploading" },
  retrying: { icon: "retry", tone: "warn", words: "retrying" },
  rate_limited: { icon: "gauge", tone: "warn", words: "rate limited" },
  paused: { icon: "pause", tone: "warn", words: "paused" },
  resumed: { icon: "play", tone: "good", words: "resumed" },
  adapted: { icon: "sliders", tone: "info", words: "adapted" },
  warning: { icon: "alert", tone: "warn", words: "warning" },
  error: { icon: "error", tone: "bad", words: "error" },
  inserted: { icon: "plus", tone: "good", words: "inserted" },
  updated: { icon: "pencil", tone: "good", words: "updated" },
  edited: { icon: "pencil", tone: "info", words: "edited by hand" },
  deduped: { icon: "copy", tone: "calm", words: "deduped" },
  schema: { icon: "columns", tone: "info", words: "schema" },
  complete: { icon: "check", tone: "good", words: "complete" },
};

/** How an action of the feed looks; one that is newer than this page looks plain. */
export function actionLook(action: string): Look {
  return LOOKS[action] ?? { icon: "dot", tone: "calm", words: action.replaceAll("_", " ") };
}

export const ACTIONS = Object.keys(LOOKS);

/** What somebody wants to know who does not follow each batch. */
export const NOTABLE = "started,retrying,rate_limited,paused,resumed,adapted,warning,error,schema,complete";
