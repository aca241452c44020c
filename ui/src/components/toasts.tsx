import { dismiss, toasts } from "../state/toast.ts";
import { Icon } from "./icon.tsx";
import { Words } from "./words.tsx";

const ICONS = { good: "check", bad: "error", info: "dot" } as const;

/** What became of what somebody did; said to screen readers too. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((message) => (
        <div key={message.key} class={`toast ${message.tone}`}>
          <Icon name={ICONS[message.tone]} />
          <div>
            <p>
              <Words text={message.text} />
            </p>
            {message.hint && (
              <p class="faint">
                <Words text={message.hint} />
              </p>
            )}
            {message.act && (
              <button
                type="button"
                onClick={() => {
                  dismiss(message.key);
                  message.act?.act();
                }}
              >
                <Icon name="undo" />
                {message.act.text}
              </button>
            )}
            {message.link && <a href={message.link.to}>{message.link.text}</a>}
          </div>
          <button
            type="button"
            class="quiet square"
            aria-label="Close message"
            onClick={() => dismiss(message.key)}
          >
            <Icon name="cross" />
          </button>
        </div>
      ))}
    </div>
  );
}
