import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Preset, Setting, SettingOrigin, SourceDetail } from "../api/types.ts";
import { count, plural } from "../format/number.ts";
import { type Fact, Facts } from "./facts.tsx";

/** Longer lists are told by their beginning. */
const MOST = 12;

/** How a source is configured, for people: its preset, and each of its settings. */
export function Settings({ source }: { source: SourceDetail }) {
  const { preset } = source;
  const { presets, values } = source.settings;
  const of = (origin: SettingOrigin) => values.filter((setting) => setting.origin === origin);
  const [own, fromPreset, usual] = [of("file"), of("preset"), of("default")];
  return (
    <div class="settings">
      {presets.length > 0 && <Presets preset={preset} presets={presets} />}
      <Facts rows={own.map(fact)} />
      {fromPreset.length > 0 && (
        <>
          <h3>From the preset {preset}</h3>
          <Facts rows={fromPreset.map(fact)} />
        </>
      )}
      {usual.length > 0 && (
        <details>
          <summary>{plural(usual.length, "setting")} left as usual</summary>
          <Facts rows={usual.map(fact)} />
        </details>
      )}
    </div>
  );
}

/** The presets to choose from; a press on one shows what it sets. */
function Presets({ preset, presets }: { preset: string | undefined; presets: Preset[] }) {
  const [open, setOpen] = useState<string | undefined>();
  const shown = presets.find(({ name }) => name === open);
  return (
    <>
      <p class="presets">
        <span class="faint">Preset</span>
        {presets.map(({ name }) => (
          <button
            key={name}
            type="button"
            class={`preset ${name === preset ? "chosen" : ""}`}
            aria-expanded={name === open}
            onClick={() => setOpen(name === open ? undefined : name)}
          >
            {name}
            {name === preset && <span class="unseen"> (in use)</span>}
          </button>
        ))}
      </p>
      {shown && (
        <div class="preset-sets">
          <p class="faint">
            {shown.name === preset ? (
              "This one is in use. It sets:"
            ) : (
              <>
                <code>preset: {shown.name}</code> in the configuration would set:
              </>
            )}
          </p>
          <Facts rows={Object.entries(shown.values).map(([name, value]) => fact({ name, value }))} />
        </div>
      )}
    </>
  );
}

function fact({ name, value }: Pick<Setting, "name" | "value">): Fact {
  return [words(name), <Value key={name} value={value} />];
}

/** Keys in the order of the alphabet, behind those that say what it is. */
function ordered(group: object): [string, unknown][] {
  const isName = ([name]: [string, unknown]) => name === "type" || name === "name";
  const entries = Object.entries(group);
  return [...entries.filter(isName), ...entries.filter((entry) => !isName(entry))];
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
    return <Facts rows={ordered(value).map(([name, inner]) => fact({ name, value: inner }))} />;
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
