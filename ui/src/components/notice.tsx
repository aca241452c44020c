import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/client.ts";
import type { Query } from "../state/query.ts";
import { Icon, type IconName } from "./icon.tsx";
import type { Tone } from "./look.ts";
import { Words } from "./words.tsx";

const ICONS: Record<Tone, IconName> = {
  good: "check",
  warn: "alert",
  bad: "error",
  info: "dot",
  calm: "dot",
};

export function Notice(props: { tone: Tone; children: ComponentChildren }) {
  return (
    <div class={`notice ${props.tone}`}>
      <Icon name={ICONS[props.tone]} />
      <div>{props.children}</div>
    </div>
  );
}

export function Problem(props: { error: ApiError; retry?: () => void }) {
  const { error } = props;
  return (
    <Notice tone={error.status === 403 ? "info" : "bad"}>
      <p>
        <Words text={error.message} />
      </p>
      {error.hint && (
        <p class="faint">
          <Words text={error.hint} />
        </p>
      )}
      {props.retry && (
        <button type="button" onClick={props.retry}>
          Try again
        </button>
      )}
    </Notice>
  );
}

/** What a query has to show: its answer, or what is wrong, or that it is on its way. */
export function Loaded<T>(props: { query: Query<T>; children: (data: T) => ComponentChildren }) {
  const { data, error, refresh } = props.query;
  if (data === undefined) {
    return error ? <Problem error={error} retry={refresh} /> : <p class="loading">Loading …</p>;
  }
  return (
    <>
      {error && error.status !== 0 && <Problem error={error} retry={refresh} />}
      {props.children(data)}
    </>
  );
}
