// Drawn for this dashboard: strokes on a grid of 24.
const PATHS = {
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-4H4zM14 8h6V4h-6z",
  runs: "M4 6h10M4 12h6M4 18h6M14 11l7 4.5-7 4.5z",
  sources:
    "M5 6c0 1.7 3.1 3 7 3s7-1.3 7-3-3.1-3-7-3-7 1.3-7 3zM5 6v12c0 1.7 3.1 3 7 3s7-1.3 7-3V6M5 12c0 1.7 3.1 3 7 3s7-1.3 7-3",
  failures: "M12 4 3 20h18zM12 10v4M12 17v.1",
  data: "M3 5h18v14H3zM3 10h18M9 10v9",
  resources: "M7 7h10v10H7zM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4",
  play: "M8 5l11 7-11 7z",
  pause: "M9 5v14M15 5v14",
  stop: "M6 6h12v12H6z",
  retry: "M4 12a8 8 0 1 1 2.5 5.8M4 19v-5h5",
  check: "M5 12.5l4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6 6 18",
  alert: "M12 4 3 20h18zM12 10v4M12 17v.1",
  error: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9 9l6 6M15 9l-6 6",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2",
  gauge: "M4 17a8.5 8.5 0 1 1 16 0M12 15l4-5",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20",
  plus: "M12 5v14M5 12h14",
  pencil: "M5 19l1-4L16 5l3 3L9 18z",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  columns: "M4 5h16v14H4zM10 5v14M15 5v14",
  sliders: "M5 8h8M17 8h2M13 6v4M5 16h2M11 16h8M9 14v4",
  dot: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  dash: "M6 12h12",
  right: "M9 5l7 7-7 7",
  left: "M15 5l-7 7 7 7",
  up: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M19 5l-1.4 1.4M6.4 17.6 5 19",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.500 10.500z",
  screen: "M3 5h18v11H3zM9 20h6M12 16v4",
  key: "M8 9a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 10.500 20 3M16 6l3 3",
  exit: "M10 4H5v16h5M10 12h10M16 8l4 4-4 4",
  half: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18M12 8h6.500M12 13h8M12 18h5",
  link: "M9 15l6-6M10 7l2-2a4 4 0 0 1 6 6l-2 2M14 17l-2 2a4 4 0 0 1-6-6l2-2",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8.500 14a4.200 4.200 0 0 0 7 0M9 9.500v.1M15 9.500v.1",
  flat: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8.500 15h7M9 9.500v.1M15 9.500v.1",
  frown: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8.500 16a4.200 4.200 0 0 1 7 0M9 9.500v.1M15 9.500v.1",
  trending: "M3 17l6-6 4 4 8-8M15 7h6v6",
  history: "M4 12a8 8 0 1 1 2.5 5.8M4 19v-5h5M12 8v4.500l3 1.500",
  compare: "M7 4v16M3 8l4-4 4 4M17 20V4M13 16l4 4 4-4",
  bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  undo: "M8 5 4 9l4 4M4 9h10a5.500 5.500 0 0 1 0 11H9",
} as const;

export type IconName = keyof typeof PATHS;

/** An icon beside words that say the same: it is hidden from screen readers. */
export function Icon(props: { name: IconName; class?: string }) {
  return (
    <svg class={`icon ${props.class ?? ""}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[props.name]} />
    </svg>
  );
}
