import type { IconName } from "./icon.tsx";
import { Icon } from "./icon.tsx";

export interface Tab {
  name: string;
  text: string;
  icon: IconName;
}

/** The views of one thing, as links: each has its address. */
export function Tabs(props: { label: string; path: string; tabs: Tab[]; chosen: string }) {
  return (
    <nav class="tabs" aria-label={props.label}>
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
