import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

export interface Option<T extends string> {
  value: T;
  text: string;
}

interface Props<T extends string> {
  label: string;
  value: T;
  options: Option<T>[];
  choose(value: T): void;
  /** For values of a few letters. */
  short?: boolean;
}

/** One of a few, side by side. */
export function Segments<T extends string>(props: Props<T>) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend class="unseen">{props.label}</legend>
      {props.options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={props.value === option.value}
            onChange={() => props.choose(option.value)}
          />
          <span>{option.text}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** One of many. */
export function Select<T extends string>(props: Props<T>) {
  const id = useId();
  return (
    <div class={props.short ? "field short-field" : "field"}>
      <label for={id}>{props.label}</label>
      <select id={id} value={props.value} onChange={(event) => props.choose(event.currentTarget.value as T)}>
        {props.options.map((option) => (
          <option key={option.value} value={option.value} selected={option.value === props.value}>
            {option.text}
          </option>
        ))}
      </select>
    </div>
  );
}

export function Check(props: { checked: boolean; set(value: boolean): void; children: ComponentChildren }) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={props.checked}
        onChange={(event) => props.set(event.currentTarget.checked)}
      />
      <span>{props.children}</span>
    </label>
  );
}
