import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { toastProblem } from "../state/toast.ts";
import { Icon, type IconName } from "./icon.tsx";

interface Props {
  icon?: IconName;
  look?: "primary" | "danger" | "quiet" | "";
  /** Says what it does where only the icon is shown. */
  label?: string;
  /** Only the icon is shown. */
  square?: boolean;
  disabled?: boolean;
  act(): Promise<unknown> | undefined;
  children?: ComponentChildren;
}

/** A button that asks something of the server: not twice at once, and it says what went wrong. */
export function Act(props: Props) {
  const [busy, setBusy] = useState(false);
  const press = async () => {
    setBusy(true);
    try {
      await props.act();
    } catch (problem) {
      toastProblem(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type="button"
      class={`${props.look ?? ""} ${props.square ? "square" : ""}`}
      aria-label={props.square ? props.label : undefined}
      title={props.square ? props.label : undefined}
      disabled={busy || props.disabled}
      onClick={press}
    >
      {props.icon && <Icon name={props.icon} />}
      {props.children}
    </button>
  );
}
