import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icon.tsx";

export interface Tab {
  name: string;
  text: string;
  icon: IconName;
}

/** The views of one thing, as links: each has its address. */
export function Tabs(props: { label: string; path: string; tabs: Tab[]; chosen: string }) {
  const box = useRef<HTMLElement>(null);
  // On narrow screens the chosen one may be outside what is seen of the row.
  useEffect(() => {
    box.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [props.chosen]);
  return (
    <nav class="tabs" ref={box} aria-label={props.label}>
      <ul>
        {props.tabs.map((tab) => (
          <li key={tab.name}>
            <a
              href={`${props.path}?tab=${tab.name}`}
              aria-current={tab.name === props.chosen ? "page" : undefined}
            >
              <Icon name={tab.icon} />
              {tab.text}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
