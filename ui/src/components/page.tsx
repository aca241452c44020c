import type { ComponentChildren } from "preact";
import { useEffect, useId } from "preact/hooks";

interface PageProps {
  title: string;
  /** Beside the heading. */
  beside?: ComponentChildren;
  /** What one can do. */
  actions?: ComponentChildren;
  /** The page above this one. */
  above?: { to: string; text: string };
  children: ComponentChildren;
}

/** A page: its heading, which gets the focus when it is opened, and what is below. */
export function PageFrame(props: PageProps) {
  useEffect(() => {
    document.title = `${props.title} · busta`;
  }, [props.title]);
  return (
    <>
      <div class="page-head">
        <div class="page-title">
          {props.above && (
            <a class="above" href={props.above.to}>
              {props.above.text}
            </a>
          )}
          <h1 tabIndex={-1}>{props.title}</h1>
          {props.beside}
        </div>
        {props.actions && <div class="actions">{props.actions}</div>}
      </div>
      {props.children}
    </>
  );
}

interface SectionProps {
  title: string;
  beside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}

export function Section(props: SectionProps) {
  const id = useId();
  return (
    <section class={`panel ${props.class ?? ""}`} aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{props.title}</h2>
        {props.beside}
      </div>
      {props.children}
    </section>
  );
}

export interface Figure {
  name: string;
  value: ComponentChildren;
  below?: ComponentChildren;
  tone?: string;
}

/** Figures side by side. */
export function Figures(props: { label: string; figures: Figure[] }) {
  return (
    <dl class="figures" aria-label={props.label}>
      {props.figures.map((figure) => (
        <div key={figure.name} class={figure.tone ?? ""}>
          <dt>{figure.name}</dt>
          <dd>
            <span class="value">{figure.value}</span>
            {figure.below !== undefined && <span class="below">{figure.below}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
