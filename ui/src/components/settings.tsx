import type { ComponentChildren } from "preact";
import type { SourceSettings } from "../api/types.ts";
import { count } from "../format/number.ts";
import { Facts } from "./facts.tsx";

/** Longer lists are told by their beginning. */
const MOST = 12;

/** How a source is configured, for people: its preset, and each of its settings. */
export function Settings({ settings }: { settings: SourceSettings }) {
  const { preset, presets, values } = settings;
  return (
    <>
      {presets.length > 0 && (
        <p class="presets">
          <span class="faint">Preset</span>
          {presets.map((name) => (
            <span key={name} class={`preset ${name === preset ? "chosen" : ""}`}>
              {name}
              {name === preset && <span class="unseen"> (chosen)</span>}
            </span>
          ))}
        </p>
      )}
      <Facts
        rows={Object.entries(values).map(
          ([name, value]) => [words(name), <Value key={name} value={value} />] as const,
        )}
      />
    </>
  );
}

function words(name: string): string {
  return name.replaceAll("_", " ");
}

/** A setting as text: lists one beside the other, groups one below the other. */
function Value({ value }: { value: unknown }): ComponentChildren {
  if (value === true) return "yes";
  if (value === false) return "no";
  if (value === null || value === undefined) return <span class="faint">not set</span>;
  if (Array.isArray(value)) return <List items={value} />;
  if (typeof value === "object") {
    return (
      <Facts
        rows={Object.entries(value).map(
          ([name, inner]) => [words(name), <Value key={name} value={inner} />] as const,
        )}
      />
    );
  }
  return typeof value === "number" ? count(value) : String(value);
}

function List({ items }: { items: unknown[] }) {
  if (items.length === 0) return <span class="faint">none</span>;
  const plain = items.every((item) => typeof item !== "object" || item === null);
  const rest = items.length - MOST;
  const shown = items.slice(0, MOST);
  if (plain) return <>{shown.join(", ") + (rest > 0 ? ` and ${rest} more` : "")}</>;
  return (
    <ul class="settings-list">
      {shown.map((item, at) => (
        <li key={at}>
          <Value value={item} />
        </li>
      ))}
      {rest > 0 && <li class="faint">and {rest} more</li>}
    </ul>
  );
}
