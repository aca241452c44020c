import { useEffect, useId, useRef, useState } from "preact/hooks";

/** How long somebody must rest before what was typed is looked for. */
const RESTS_MS = 350;

/** Words to look for; looked for when the typing rests, or at once with Enter. */
export function SearchField(props: {
  label: string;
  value: string;
  placeholder?: string;
  find(text: string): void;
}) {
  const id = useId();
  const [text, setText] = useState(props.value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  // Not while only a space at the end makes the difference: more may follow.
  useEffect(() => setText((now) => (now.trim() === props.value ? now : props.value)), [props.value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const find = (value: string) => {
    clearTimeout(timer.current);
    props.find(value.trim());
  };
  return (
    <form
      class="field"
      onSubmit={(event) => {
        event.preventDefault();
        find(text);
      }}
    >
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type="search"
        value={text}
        placeholder={props.placeholder}
        onInput={(event) => {
          const { value } = event.currentTarget;
          setText(value);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => find(value), RESTS_MS);
        }}
      />
    </form>
  );
}
