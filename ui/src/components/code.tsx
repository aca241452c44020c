import { useState } from "preact/hooks";
import { pretty } from "../format/json.ts";
import { Icon } from "./icon.tsx";

/** Text as it is, or JSON indented, to look at and to copy. */
export function Code(props: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const text = pretty(props.text);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch {
      // Not allowed here; the text can still be selected.
    }
  };
  return (
    <div class="code">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section tabIndex={0} aria-label={props.label}>
        <pre>{text}</pre>
      </section>
      <button type="button" class="quiet" onClick={copy}>
        <Icon name={copied ? "check" : "copy"} />
        {copied ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
