import type { ComponentChildren } from "preact";

export type Fact = readonly [name: string, value: ComponentChildren | undefined];

/** Names with their values; what has none is left out. */
export function Facts({ rows }: { rows: Fact[] }) {
  return (
    <dl class="facts">
      {rows
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
