import type { Subject } from "../api/types.ts";
import { byTelling } from "../format/subject.ts";

/** The last part of a name such as `products.title`: what the value is. */
function shortName(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1).replaceAll("_", " ");
}

/** What a split is about, in its source's own words; only the first `most` of them, those that tell the most. */
export function SubjectWords({ subject, most }: { subject: Subject; most?: number }) {
  return (
    <span class="subject">
      {byTelling(subject)
        .slice(0, most)
        .map(([name, value]) => (
          <span key={name} title={`${name}: ${value}`}>
            <span class="faint">{shortName(name)}</span> {value}
          </span>
        ))}
    </span>
  );
}
