import type { Subject } from "../api/types.ts";

/** The last part of a name such as `products.title`: what the value is. */
function shortName(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1).replaceAll("_", " ");
}

/** What a split is about, in its source's own words. */
export function SubjectWords({ subject }: { subject: Subject }) {
  return (
    <span class="subject">
      {Object.entries(subject).map(([name, value]) => (
        <span key={name} title={`${name}: ${value}`}>
          <span class="faint">{shortName(name)}</span> {value}
        </span>
      ))}
    </span>
  );
}
