import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "busta.theme";

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

export const theme = signal<Theme>(stored());

/** Counts up when colours have changed, for what is drawn and not styled. */
export const repaint = signal(0);

const dark = window.matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => (repaint.value += 1));

/** Whether it is dark now. */
export function isDark(): boolean {
  return theme.value === "system" ? dark.matches : theme.value === "dark";
}

effect(() => {
  const root = document.documentElement;
  if (theme.value === "system") delete root.dataset.theme;
  else root.dataset.theme = theme.value;
  repaint.value = repaint.peek() + 1;
});

export function setTheme(value: Theme): void {
  theme.value = value;
  try {
    if (value === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, value);
  } catch {
    // It lasts as long as the page.
  }
}
