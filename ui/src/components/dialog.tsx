import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon } from "./icon.tsx";

interface Props {
  title: string;
  close(): void;
  children: ComponentChildren;
  foot?: ComponentChildren;
  wide?: boolean;
}

/** A dialog; the browser keeps the focus in it and gives it back after. */
export function Dialog(props: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    const node = dialog.current;
    const before = document.activeElement;
    node?.showModal();
    return () => {
      node?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={props.wide ? "wide" : ""}
      aria-labelledby={title}
      onCancel={(event) => {
        event.preventDefault();
        props.close();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) props.close();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") event.stopPropagation();
      }}
    >
      <div class="dialog-box">
        <header>
          <h2 id={title}>{props.title}</h2>
          <button type="button" class="quiet square" aria-label="Close" onClick={props.close}>
            <Icon name="cross" />
          </button>
        </header>
        <div class="dialog-body">{props.children}</div>
        {props.foot && <footer>{props.foot}</footer>}
      </div>
    </dialog>
  );
}
