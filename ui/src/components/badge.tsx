import type { FindingLevel, RunState, SourceHealth, WorkerAction } from "../api/types.ts";
import { Icon } from "./icon.tsx";
import type { Look } from "./look.ts";

const STATES: Record<RunState, Look> = {
  queued: { icon: "clock", tone: "calm", words: "queued" },
  running: { icon: "play", tone: "info", words: "running" },
  interrupted: { icon: "alert", tone: "warn", words: "interrupted" },
  completed: { icon: "check", tone: "good", words: "completed" },
  partial: { icon: "half", tone: "warn", words: "partial" },
  failed: { icon: "error", tone: "bad", words: "failed" },
  cancelled: { icon: "stop", tone: "calm", words: "cancelled" },
  abandoned: { icon: "cross", tone: "calm", words: "abandoned" },
};

const HEALTH: Record<SourceHealth, Look> = {
  ok: { icon: "check", tone: "good", words: "ok" },
  degraded: { icon: "half", tone: "warn", words: "degraded" },
  failing: { icon: "error", tone: "bad", words: "failing" },
  unknown: { icon: "dash", tone: "calm", words: "not yet collected" },
};

const WORKERS: Record<WorkerAction, Look> = {
  idle: { icon: "dash", tone: "calm", words: "idle" },
  opening: { icon: "link", tone: "info", words: "opening" },
  fetching: { icon: "download", tone: "info", words: "fetching" },
  transforming: { icon: "sliders", tone: "warn", words: "transforming" },
  writing: { icon: "pencil", tone: "good", words: "writing" },
};

const LEVELS: Record<FindingLevel, Look> = {
  info: { icon: "dot", tone: "info", words: "info" },
  warning: { icon: "alert", tone: "warn", words: "warning" },
  error: { icon: "error", tone: "bad", words: "error" },
  critical: { icon: "error", tone: "bad", words: "critical" },
};

/** A state in colour, sign and word. */
export function Badge(props: Look & { class?: string }) {
  return (
    <span class={`badge ${props.tone} ${props.class ?? ""}`}>
      <Icon name={props.icon} />
      {props.words}
    </span>
  );
}

export const StateBadge = (props: { state: RunState }) => <Badge {...STATES[props.state]} class="state" />;
export const HealthBadge = (props: { health: SourceHealth }) => <Badge {...HEALTH[props.health]} />;
export const WorkerBadge = (props: { action: WorkerAction }) => <Badge {...WORKERS[props.action]} />;
export const LevelBadge = (props: { level: FindingLevel }) => <Badge {...LEVELS[props.level]} />;
